//! From what files say of a sample to the number of its class.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use super::error::FileProblem;

/// Classes that a data set has at most.
pub(super) const MOST_CLASSES: usize = 1_000;

/// Labels as they were read: a code for each sample, and what each code stands for.
#[derive(Debug)]
pub(super) struct Labels<K> {
    codes: HashMap<K, u32>,
    /// What stands in the files, by code, in the order in which it was first seen.
    values: Vec<K>,
    /// The code of each sample.
    of_samples: Vec<u32>,
}

/// Classes in their order, and the class of each sample.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Classes {
    pub(super) names: Vec<String>,
    pub(super) of_samples: Vec<u32>,
}

/// What stands for a class in a file.
pub(super) trait Label: Clone + Eq + Hash {
    fn number(&self) -> Option<i64>;
    fn name(&self) -> String;
}

impl Label for i64 {
    fn number(&self) -> Option<i64> {
        Some(*self)
    }

    fn name(&self) -> String {
        self.to_string()
    }
}

impl Label for String {
    fn number(&self) -> Option<i64> {
        self.parse().ok().filter(|number: &i64| number.to_string() == *self)
    }

    fn name(&self) -> String {
        self.clone()
    }
}

impl<K: Label> Labels<K> {
    pub(super) fn new() -> Self {
        Self { codes: HashMap::new(), values: Vec::new(), of_samples: Vec::new() }
    }

    /// Notes the label of the next sample; false where that makes too many classes.
    pub(super) fn push(&mut self, value: K) -> bool {
        let next = self.values.len() as u32;
        let code = match self.codes.entry(value) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                if next as usize == MOST_CLASSES {
                    return false;
                }
                self.values.push(entry.key().clone());
                *entry.insert(next)
            }
        };
        self.of_samples.push(code);
        true
    }

    /// The classes, in the order of numbers where all labels are whole numbers, else in that of the alphabet; by the names
    /// that the recipe gives, if it does. Those are taken for labels where all labels are among them, else numbers from 0
    /// count them, else they stand in the order of the labels.
    pub(super) fn classes(mut self, given: &[String]) -> Result<Classes, FileProblem> {
        let mut order: Vec<usize> = (0..self.values.len()).collect();
        let numbers: Option<Vec<i64>> = self.values.iter().map(Label::number).collect();
        match &numbers {
            Some(numbers) => order.sort_by_key(|code| numbers[*code]),
            None => order.sort_by_key(|code| self.values[*code].name()),
        }
        if let ([only], true) = (order.as_slice(), given.len() < 2) {
            return Err(FileProblem::OneClass(self.values[*only].name()));
        }
        let mut class_of = vec![None; self.values.len()];
        let by_name = |value: &K| given.iter().position(|name| *name == value.name());
        let by_number = |value: &K| value.number().and_then(|n| usize::try_from(n).ok()).filter(|n| *n < given.len());
        let names = if given.is_empty() {
            order.iter().enumerate().for_each(|(class, code)| class_of[*code] = Some(class));
            order.iter().map(|code| self.values[*code].name()).collect()
        } else {
            if self.values.iter().all(|value| by_name(value).is_some()) {
                class_of = self.values.iter().map(by_name).collect();
            } else if order.len() == given.len() {
                order.iter().enumerate().for_each(|(class, code)| class_of[*code] = Some(class));
            } else {
                let class = |value| if numbers.is_some() { by_number(value) } else { by_name(value) };
                class_of = self.values.iter().map(class).collect();
            }
            given.to_vec()
        };
        if let Some(code) = class_of.iter().position(Option::is_none) {
            let sample = self.of_samples.iter().position(|other| *other as usize == code).unwrap_or(0) + 1;
            let label = self.values[code].name();
            return Err(FileProblem::Unnamed { label, sample, names: given.len(), found: self.values.len() });
        }
        for code in &mut self.of_samples {
            *code = class_of[*code as usize].unwrap_or(0) as u32;
        }
        Ok(Classes { names, of_samples: self.of_samples })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(labels: &[&str], given: &[&str]) -> Result<Classes, FileProblem> {
        let mut all = Labels::new();
        assert!(labels.iter().all(|label| all.push((*label).to_owned())));
        all.classes(&given.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    fn found(labels: &[&str], given: &[&str]) -> (Vec<String>, Vec<u32>) {
        let classes = classes(labels, given).unwrap();
        (classes.names, classes.of_samples)
    }

    #[test]
    fn classes_have_an_order_that_is_not_that_of_the_file() {
        assert_eq!(found(&["b", "a", "b", "C"], &[]), (["C", "a", "b"].map(str::to_owned).to_vec(), vec![2, 1, 2, 0]));
        assert_eq!(found(&["10", "9", "-1"], &[]), (["-1", "9", "10"].map(str::to_owned).to_vec(), vec![2, 1, 0]));
        // `01` is a word: told apart from `1`.
        assert_eq!(found(&["1", "01"], &[]).0, ["01", "1"]);
    }

    #[test]
    fn names_of_the_recipe_are_labels_or_stand_for_them() {
        assert_eq!(found(&["dog", "cat"], &["dog", "cat", "cow"]).1, [0, 1]);
        assert_eq!(found(&["n02", "n01"], &["tench", "shark"]), (vec!["tench".into(), "shark".into()], vec![1, 0]));
        assert_eq!(found(&["7", "3"], &["three", "seven"]).1, [1, 0]);
        assert_eq!(found(&["2", "0"], &["a", "b", "c"]).1, [2, 0], "a class may have no sample");
        let problem = classes(&["0", "1", "3"], &["a", "b"]).unwrap_err().to_string();
        assert!(
            problem.starts_with("has the label `3` (sample 3, counted from 1), which is none of the 2 in"),
            "{problem}"
        );
        let problem = classes(&["x", "y", "z"], &["x", "y"]).unwrap_err().to_string();
        assert!(problem.contains("`z`") && problem.contains("name 3 classes"), "{problem}");
        assert!(classes(&["-1", "0", "1"], &["a", "b"]).is_err());
    }

    #[test]
    fn one_class_is_nothing_to_learn_and_too_many_are_no_classes() {
        assert_eq!(classes(&["a", "a"], &[]), Err(FileProblem::OneClass("a".to_owned())));
        let mut all = Labels::new();
        assert!((0..MOST_CLASSES as i64).all(|label| all.push(label)));
        assert!(!all.push(-5) && all.push(5));
        assert_eq!(all.of_samples.len(), MOST_CLASSES + 1);
    }
}
