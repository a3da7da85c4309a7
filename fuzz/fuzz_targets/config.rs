//! Any bytes as `everlit.toml`: settings or a mistake with its place, the same ones each time, and no settings from what is no TOML.
#![no_main]

use std::{fs, path::PathBuf, sync::OnceLock};

use everlit::config::{ConfigError, Layer, load};
use everlit_fuzz::folder::{fill, folder};
use libfuzzer_sys::fuzz_target;

/// A file of variables that is right, and one that is not.
const FILES: [(&str, &str); 3] = [("index.html", "<p>"), (".env", "A=1\nB=\"${A}\"\n"), ("bad.env", "A='\n")];

fuzz_target!(|input: &[u8]| {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = folder("config");
        fill(&folder, &FILES);
        folder
    });
    fs::write(folder.join("everlit.toml"), input).expect("a file");
    let read = || load(folder, Layer::default(), Layer::default());
    let first = read();
    assert_eq!(format!("{first:?}"), format!("{:?}", read()), "once more");
    let text = std::str::from_utf8(input).map(|text| text.strip_prefix('\u{feff}').unwrap_or(text));
    let is_toml = text.is_ok_and(|text| text.parse::<toml::Table>().is_ok());
    assert!(is_toml || first.is_err(), "these are settings, and no TOML");
    let Err(error) = first else { return };
    assert!(!error.to_string().is_empty());
    if let ConfigError::File(fault) = error {
        let whole = match fault.file.to_str() {
            Some("everlit.toml") => String::from_utf8_lossy(input).into_owned(),
            name => {
                FILES.iter().find(|(known, _)| Some(*known) == name).map(|(_, text)| (*text).to_owned()).expect("one of ours")
            }
        };
        let lines: Vec<&str> = whole.split('\n').collect();
        let line = (fault.line as usize).checked_sub(1).and_then(|line| lines.get(line)).expect("a line of the file");
        assert!((1..=line.chars().count() + 1).contains(&(fault.column as usize)), "{fault} is no place in {line:?}");
    }
});
