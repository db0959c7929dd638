//! One table of a recipe's tree, with errors that name its keys.

use super::error::{Place, Problem};
use super::keys::{Presence, TABLES, Table};
use super::tree::{Entry, Node, Value};

/// One table of a recipe.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    /// What it may hold.
    pub(super) table: &'static Table,
    /// Keys and values, in the order of the text.
    pub(super) entries: &'a [Entry],
    place: &'a Place,
    /// Its index, from 0, where it is one of a list.
    index: Option<usize>,
}

impl<'a> Fields<'a> {
    /// `node` as such a table, or an error that says how to write one.
    pub(super) fn new(node: &'a Node, table: &'static Table, index: Option<usize>) -> Result<Self, Problem> {
        match &node.value {
            Value::Table(entries) => Ok(Self { table, entries, place: &node.place, index }),
            other => {
                let fields = Self { table, entries: &[], place: &node.place, index };
                let (name, heading) = (fields.dotted(), table.heading());
                let what =
                    format!("`{name}` must be a table, not {}; write {heading} and its keys below", other.shown());
                Err(Problem::new(&node.place, what).of_key(name))
            }
        }
    }

    /// The top level of a recipe.
    pub(super) fn top(root: &'a Node) -> Result<Self, Problem> {
        Self::new(root, &TABLES[0], None)
    }

    /// The tables in the list that the recipe has at `table`; as many as it allows.
    pub(super) fn list(node: &'a Node, table: &'static Table) -> Result<Vec<Result<Self, Problem>>, Problem> {
        let path = table.path;
        let fault = |rest: String| Err(Problem::new(&node.place, format!("`{path}` {rest}")).of_key(path));
        let Value::List(nodes) = &node.value else {
            return fault(format!(
                "must be a list of tables, not {}; write {} above each",
                node.value.shown(),
                table.heading()
            ));
        };
        match table.presence {
            Presence::List(most) if nodes.is_empty() || nodes.len() > most => {
                fault(format!("must have from 1 to {most} tables, not {}", nodes.len()))
            }
            _ => Ok(nodes.iter().enumerate().map(|(index, node)| Self::new(node, table, Some(index))).collect()),
        }
    }

    /// The table itself as `--set` would name it.
    fn dotted(&self) -> String {
        match self.index {
            Some(index) => format!("{}.{index}", self.table.path),
            None => self.table.path.to_owned(),
        }
    }

    /// A key of it as `--set` would name it.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.table.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.dotted()) }
    }

    /// " in [data]", and nothing for the top level.
    pub(super) fn within(&self) -> String {
        let heading = self.table.heading();
        if heading.is_empty() { heading } else { format!(" in {heading}") }
    }

    /// The key and its value.
    pub(super) fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// Where `key` stands, or its table where it does not.
    pub(super) fn place(&self, key: &str) -> &'a Place {
        self.entry(key).map_or(self.place, |entry| &entry.place)
    }

    /// An error about `key`: "`path.key` {rest}".
    pub(super) fn fault(&self, key: &str, rest: &str) -> Problem {
        let path = self.path_of(key);
        Problem::new(self.place(key), format!("`{path}` {rest}")).of_key(path)
    }

    /// An error about this table as a whole: "`path` {rest}", at its kind.
    pub(super) fn itself(&self, rest: &str) -> Problem {
        let path = self.dotted();
        Problem::new(self.place("kind"), format!("`{path}` {rest}")).of_key(path)
    }

    /// An error about a key that is not there.
    pub(super) fn missing(&self, key: &str, expected: &str) -> Problem {
        // The top of the file is no place to look at.
        let place = if self.table.path.is_empty() { &Place::Whole } else { self.place };
        Problem::new(place, format!("missing key `{key}`{}: {expected}", self.within())).of_key(self.path_of(key))
    }

    /// The option of the command line that touched one of the keys, the last of the table's that did.
    pub(super) fn overridden(&self, keys: impl Fn(&str) -> bool) -> Option<&'a Place> {
        let places =
            self.entries.iter().filter(|entry| keys(&entry.key)).flat_map(|entry| [&entry.place, &entry.node.place]);
        places.filter(|place| matches!(place, Place::Option(_))).last()
    }
}
