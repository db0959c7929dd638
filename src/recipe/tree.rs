//! TOML as a tree in which every key and value knows where it came from: a line of the text or an override.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Place, Problem, brief};
use super::load::Override;

/// A recipe is a page of text; a file beyond this is something else.
pub(super) const MOST_BYTES: usize = 1 << 20;

/// What is wrong with a longer one.
pub(super) fn too_long() -> String {
    format!("is longer than {} KiB, which no recipe is", MOST_BYTES / 1024)
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// What TOML can say.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Whole(i128),
    Number(f64),
    Flag(bool),
    Date(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table, in the order of the text; overrides that add a key come last.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) node: Node,
}

impl Value {
    /// For "must be .., not {this}".
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Text(text) => format!("\"{}\"", brief(text)),
            Self::Whole(number) => number.to_string(),
            Self::Number(number) => format!("{number:?}"),
            Self::Flag(flag) => flag.to_string(),
            Self::Date(date) => format!("the date {date}"),
            Self::List(_) => "a list".to_owned(),
            Self::Table(_) => "a table".to_owned(),
        }
    }
}

/// Parses `text`; an error names its line, and the key as far as the text has one.
pub(super) fn parse(text: &str) -> Result<Node, Problem> {
    if text.len() > MOST_BYTES {
        return Err(Problem::new(&Place::Whole, too_long()));
    }
    let lines = Lines::new(text);
    let table = DeTable::parse(text).map_err(|error| syntax_error(text, &lines, &error))?;
    node(table.span().start, DeValue::Table(table.into_inner()), &|offset| lines.place(offset))
}

/// Puts the value of an override where its dotted key points. The value is read as TOML where it is TOML and is a text
/// otherwise, so that `device=cuda:1` needs no quotes. Lists are indexed from 0 and keep their length.
pub(super) fn set(root: &mut Node, Override { option, key, value }: &Override) -> Result<(), Problem> {
    /// No recipe is that deep; deeper trees would only cost stack.
    const DEEPEST: usize = 16;
    let place = Place::Option(option.clone());
    let fault = |problem: String| Problem::new(&place, problem).of_key(key);
    let segments: Vec<&str> = key.split('.').map(str::trim).collect();
    if segments.len() > DEEPEST || segments.iter().any(|segment| segment.is_empty()) {
        let problem = "this is no key; write it with dots, as in `--set optimizer.lr=0.1`";
        return Err(fault(problem.to_owned()));
    }

    let mut target = root;
    for (depth, segment) in segments.iter().enumerate() {
        let path = segments[..depth].join(".");
        target = match &mut target.value {
            Value::Table(entries) => {
                let index = entries.iter().position(|entry| entry.key == *segment).unwrap_or_else(|| {
                    let node = Node { place: place.clone(), value: Value::Table(Vec::new()) };
                    entries.push(Entry { key: (*segment).to_owned(), place: place.clone(), node });
                    entries.len() - 1
                });
                if depth + 1 == segments.len() {
                    entries[index].place = place.clone();
                }
                &mut entries[index].node
            }
            Value::List(nodes) => {
                let count = nodes.len();
                segment.parse().ok().and_then(|index: usize| nodes.get_mut(index)).ok_or_else(|| {
                    let indices = match count {
                        0 => "is an empty list".to_owned(),
                        1 => "is a list of one; its only index is 0".to_owned(),
                        _ => format!("is a list of {count}; give an index from 0 to {}", count - 1),
                    };
                    fault(format!("`{path}` {indices}, not `{}`", brief(segment)))
                })?
            }
            other => return Err(fault(format!("`{path}` is {}, which has no keys", other.shown()))),
        };
    }
    *target = match DeValue::parse(value) {
        Ok(parsed) => node(0, parsed.into_inner(), &|_| place.clone())?,
        Err(_) => Node { place: place.clone(), value: Value::Text(value.to_owned()) },
    };
    Ok(())
}

/// Offsets at which lines start.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Self {
        let later = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(offset, _)| offset + 1);
        Self(std::iter::once(0).chain(later).collect())
    }

    fn number(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }

    fn place(&self, offset: usize) -> Place {
        Place::Line(self.number(offset))
    }
}

fn node(offset: usize, value: DeValue<'_>, place: &dyn Fn(usize) -> Place) -> Result<Node, Problem> {
    let too_large = |text: &str| Problem::new(&place(offset), format!("the number {} is too large", brief(text)));
    let value = match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => {
            Value::Whole(i128::from_str_radix(number.as_str(), number.radix()).map_err(|_| too_large(number.as_str()))?)
        }
        DeValue::Float(number) => Value::Number(number.as_str().parse().map_err(|_| too_large(number.as_str()))?),
        DeValue::Boolean(flag) => Value::Flag(flag),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(items) => Value::List(
            items
                .into_iter()
                .map(|item: Spanned<DeValue<'_>>| node(item.span().start, item.into_inner(), place))
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(table) => {
            // toml sorts keys by name; the order of the text is what the first error goes by.
            let mut fields: Vec<_> = table.into_iter().collect();
            fields.sort_by_key(|(key, _)| key.span().start);
            let entries = fields.into_iter().map(|(key, item)| {
                let node = node(item.span().start, item.into_inner(), place)?;
                Ok(Entry { place: place(key.span().start), key: key.into_inner().into_owned(), node })
            });
            Value::Table(entries.collect::<Result<_, Problem>>()?)
        }
    };
    Ok(Node { place: place(offset), value })
}

fn syntax_error(text: &str, lines: &Lines, error: &toml::de::Error) -> Problem {
    let span = error.span().unwrap_or(text.len()..text.len());
    let place = lines.place(span.start);
    if error.message() == "duplicate key" {
        let key = text.get(span).unwrap_or_default().trim_matches(['"', '\'']);
        return Problem::new(&place, format!("`{}` is given twice", brief(key))).of_key(brief(key));
    }
    // The parser's hint for `loss = bce` names a token of its own, which helps nobody.
    let message = error.message().trim_end_matches(", expected literal string");
    let problem = Problem::new(&place, format!("not valid TOML: {message}"));
    let line = text.lines().nth(lines.number(span.start) - 1).unwrap_or_default();
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match line.split_once('=') {
        Some((key, _)) if !key.trim().is_empty() && key.trim().chars().all(bare) => problem.of_key(brief(key.trim())),
        _ => problem,
    }
}
