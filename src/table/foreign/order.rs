//! The order of architectures.

use std::collections::{HashMap, HashSet};

use super::find::Found;
use super::roles::Role;
use super::sheet::Sheet;
use super::value::text;

/// Puts what is of architectures in the order in which the file names them, where it has lost it: the first is the baseline,
/// and that must not hang on whether its first rows have crashed.
pub(super) fn as_in_file<T>(sheet: &Sheet, found: &Found, items: &mut [T], arm: fn(&T) -> &str) {
    let Some(column) = found.column(Role::Arch) else {
        return;
    };
    let mut places: HashMap<String, usize> = HashMap::new();
    for name in (0..sheet.len()).filter_map(|row| text(sheet.cell(column, row))) {
        let next = places.len();
        places.entry(name).or_insert(next);
    }
    let place = |item: &T| places.get(arm(item)).copied().unwrap_or(usize::MAX);
    let mut seen = HashSet::new();
    if !items
        .iter()
        .map(place)
        .filter(|place| seen.insert(*place))
        .is_sorted()
    {
        items.sort_by_key(place);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::csv;

    #[test]
    fn architectures_are_in_the_order_of_the_file() {
        let text = "arch,params,tokens,loss,status\nbase,1e6,1e9,,crashed\ngated,1e6,1e9,3,ok\nbase,2e6,1e9,2.9,ok\n\
             lost,1e6,1e9,,crashed\nwide,1e6,1e9,3,ok\ngated,2e6,1e9,3,ok\n";
        let study = csv(text).study;
        assert_eq!(study.arms(), ["base", "gated", "wide"]);
        assert_eq!(
            study
                .observations
                .iter()
                .map(|o| o.run.as_str())
                .collect::<Vec<_>>(),
            ["line 4", "line 3", "line 7", "line 6"]
        );
    }

    /// Rows stay where they are while they name architectures in their order.
    #[test]
    fn rows_in_order_stay() {
        let study = csv("arch,params,tokens,loss\na,1e6,1e9,3\nb,1e6,1e9,3\na,2e6,1e9,3\n").study;
        assert_eq!(
            study
                .observations
                .iter()
                .map(|o| o.run.as_str())
                .collect::<Vec<_>>(),
            ["line 2", "line 3", "line 4"]
        );
    }
}
