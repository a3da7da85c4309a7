//! What `docs/reliability.md` says: that each fault has its row, and that the tests of each row are there.

use crate::security::{check_named, named, read, rows, tests};

#[test]
fn every_fault_names_what_is_seen_and_tests_that_are_there() {
    let document = read("docs/reliability.md");
    let faults = rows(&document, "Faults");
    let expected: Vec<String> = (1..=47).map(|number| format!("F{number:02}")).collect();
    assert_eq!(faults.iter().map(|row| &row[0]).collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
    for row in &faults {
        let [_, happens, seen, held] = &row[..] else { panic!("a fault has four cells: {row:?}") };
        assert!(!happens.is_empty() && !seen.is_empty() && !named(held).is_empty(), "{row:?}");
        named(held).into_iter().for_each(|place| check_named(place, tests));
    }
}
