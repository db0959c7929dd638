//! How many rows each part of the panel gets.

use super::Section;

/// Rows of a history, at the most.
const TALLEST: u16 = 13;
/// Processes of one GPU that are listed, at the most, before histories grow.
const PROCESSES: u16 = 4;

/// The rows of everything.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rows {
    /// There is no room for a row a meter.
    pub(super) is_brief: bool,
    /// Of a meter that has a history.
    pub(super) height: u16,
    /// Whether a section's further meters have rows of their own.
    pub(super) further: Vec<bool>,
    /// Of a section's processes.
    pub(super) processes: Vec<u16>,
    /// Whether there is a free row between sections.
    pub(super) is_airy: bool,
    /// Whether there is a row that says what the histories span.
    pub(super) has_axis: bool,
}

impl Rows {
    /// Shares `height` rows out: what is worth most first.
    pub(super) fn new(sections: &[Section<'_>], has_note: bool, height: u16) -> Self {
        let heads = |section: &Section<'_>| usize::from(section.head.is_some()) + section.meters.len();
        let least = sections.iter().map(heads).sum::<usize>() as u16 + u16::from(has_note);
        let Some(mut left) = height.checked_sub(least) else {
            return Self {
                is_brief: true,
                height: 1,
                further: Vec::new(),
                processes: Vec::new(),
                is_airy: false,
                has_axis: false,
            };
        };
        let mut take = |wanted: u16| {
            let is_there = wanted > 0 && wanted <= left;
            left -= if is_there { wanted } else { 0 };
            is_there
        };
        let processes: Vec<u16> = sections
            .iter()
            .map(|section| {
                let wanted = (section.processes.len() as u16).min(PROCESSES);
                (1..=wanted).rev().find(|rows| take(*rows)).unwrap_or(0)
            })
            .collect();
        let is_airy = take(sections.len() as u16 - 1);
        let has_axis = take(1);
        // All or none: GPUs side by side are compared.
        let has_further = take(sections.iter().map(|section| section.further.len() as u16).sum());
        let further: Vec<bool> = sections.iter().map(|section| has_further && !section.further.is_empty()).collect();
        let meters = sections.iter().zip(&further).flat_map(|(section, has_further)| {
            section.meters.iter().chain(section.further.iter().filter(|_| *has_further))
        });
        let histories = meters.filter(|meter| meter.history.is_some()).count() as u16;
        let height = (1 + left.checked_div(histories).unwrap_or(0)).min(TALLEST);
        Self { is_brief: false, height, further, processes, is_airy, has_axis }
    }
}
