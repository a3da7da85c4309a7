//! `everlit devices shot`: pictures of the page as phones show it, as files.
//!
//! A file that was named is written over, as other programs do it; a name of our own choice takes no other file's place.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::{
    adb,
    args::ShotArgs,
    devices::{NONE, print_json},
};
use crate::device::{self, Picture, Shot};

/// How many names of a kind are tried. Who has so many pictures in a folder had better name the next one.
const NAMES: usize = 1000;

/// How many bytes of a phone's own words become part of a file's name, of which there may be 255.
const LABEL: usize = 64;

/// Takes the pictures, and writes them.
///
/// # Errors
/// When adb cannot be asked, or some phone or file did not do.
pub(super) async fn shot(args: &ShotArgs, port: u16) -> Result<()> {
    let shots = device::shoot(&adb::server(), port, args.device.as_deref()).await?;
    let labels = labels(&shots);
    let is_one = shots.len() == 1;
    let written: Vec<_> = shots
        .iter()
        .zip(&labels)
        .map(|(shot, label)| Written::of(shot, |picture| write(args.output.as_deref(), label, is_one, picture)))
        .collect();
    let mut out = io::stdout().lock();
    if args.json {
        print_json(&mut out, &All { version: 1, devices: &written })?;
    } else {
        written.iter().try_for_each(|one| writeln!(out, "  {}", one.line()))?;
    }
    let failed = written.iter().filter(|one| one.error.is_some()).count();
    match written.len() {
        0 => bail!(NONE),
        _ if failed == 0 => Ok(()),
        all => bail!("no picture of {failed} of {all} phones"),
    }
}

/// What came of one phone, as `--json` prints it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Written<'a> {
    name: &'a str,
    url: Option<&'a str>,
    file: Option<PathBuf>,
    error: Option<String>,
}

#[derive(Serialize)]
struct All<'a> {
    version: u8,
    devices: &'a [Written<'a>],
}

impl<'a> Written<'a> {
    fn of(shot: &'a Shot, write: impl FnOnce(&Picture) -> Result<PathBuf>) -> Self {
        let name = shot.name.as_str();
        match &shot.outcome {
            Err(why) => Self { name, url: None, file: None, error: Some(why.clone()) },
            Ok(picture) => {
                let url = Some(picture.url.as_str());
                match write(picture) {
                    Ok(file) => Self { name, url, file: Some(file), error: None },
                    Err(error) => Self { name, url, file: None, error: Some(format!("{error:#}")) },
                }
            }
        }
    }

    fn line(&self) -> String {
        let Self { name, url, file, error } = self;
        match (file, error) {
            (Some(file), _) => format!("{name}  {}  of {}", file.display(), url.unwrap_or_default()),
            (None, error) => format!("{name}  no picture: {}", error.as_deref().unwrap_or_default()),
        }
    }
}

fn write(output: Option<&Path>, label: &str, is_one: bool, picture: &Picture) -> Result<PathBuf> {
    let Some(output) = output else { return write_beside(Path::new(""), label, &picture.png) };
    let file = if is_one { output.to_owned() } else { labelled(output, label) };
    fs::write(&file, &picture.png).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

/// The file of several that one was named for: `cart.png` becomes `cart-Pixel-8.png`.
fn labelled(output: &Path, label: &str) -> PathBuf {
    let mut name = output.file_stem().map(OsString::from).unwrap_or_default();
    name.push(format!("-{label}"));
    if let Some(extension) = output.extension() {
        name.push(".");
        name.push(extension);
    }
    output.with_file_name(name)
}

/// Writes a new file into a folder, and says which.
fn write_beside(folder: &Path, label: &str, png: &[u8]) -> Result<PathBuf> {
    for number in 1..=NAMES {
        let name = if number == 1 { format!("{label}.png") } else { format!("{label}-{number}.png") };
        let path = folder.join(name);
        match File::create_new(&path) {
            Ok(mut file) => {
                file.write_all(png).with_context(|| format!("cannot write {}", path.display()))?;
                return Ok(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (),
            Err(error) => return Err(error).with_context(|| format!("cannot write {}", path.display())),
        }
    }
    bail!("there are {NAMES} pictures like {label}.png here; name the next one by -o")
}

/// What the phones are called in names of files: by their models, and by their serial numbers as well where there are several of one. Where
/// that does not tell them apart either, they are counted.
fn labels(shots: &[Shot]) -> Vec<String> {
    let short: Vec<_> = shots.iter().map(|shot| label(shot.model.as_deref().unwrap_or(&shot.serial))).collect();
    let is_shared = |label: &String| short.iter().filter(|other| *other == label).count() > 1;
    let own = |(shot, short): (&Shot, &String)| match is_shared(short) {
        true => format!("{short}-{}", label(&shot.serial)),
        false => short.clone(),
    };
    let mut labels: Vec<String> = Vec::new();
    for wanted in shots.iter().zip(&short).map(own) {
        let counted = (2..).map(|number| format!("{wanted}-{number}"));
        let free = std::iter::once(wanted.clone()).chain(counted).find(|label| !labels.contains(label));
        labels.extend(free);
    }
    labels
}

/// Letters and digits with dashes between: no part of a path, and nothing that a shell or another program's options would mean.
fn label(words: &str) -> String {
    let words: Vec<_> = words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let words = words.join("-");
    let label = words[..words.floor_char_boundary(LABEL)].trim_end_matches('-');
    if label.is_empty() { "phone".to_owned() } else { label.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shot(model: Option<&str>, serial: &str) -> Shot {
        let model = model.map(str::to_owned);
        Shot { serial: serial.to_owned(), model, name: String::new(), outcome: Err(String::new()) }
    }

    fn check(shots: &[Shot], expected: &[&str]) {
        assert_eq!(labels(shots), expected);
    }

    #[test]
    fn files_are_called_as_phones_are() {
        check(&[shot(Some("Pixel 8"), "a"), shot(Some("SM G991B"), "b")], &["Pixel-8", "SM-G991B"]);
        check(&[shot(Some("Pixel 8"), "127.0.0.1:5555"), shot(Some("Pixel 8"), "b")], &["Pixel-8-127-0-0-1-5555", "Pixel-8-b"]);
        check(&[shot(None, "39071FDJH0")], &["39071FDJH0"]);
        check(&[shot(Some("../../etc/passwd"), "a")], &["etc-passwd"]);
        check(&[shot(Some("-rf \u{fffd}/ 手机"), "a")], &["rf-手机"]);
        check(&[shot(Some(" . "), "a")], &["phone"]);
        check(
            &[shot(Some("Pixel"), "a.b"), shot(Some("Pixel"), "a:b"), shot(Some("Pixel"), "a-b")],
            &["Pixel-a-b", "Pixel-a-b-2", "Pixel-a-b-3"],
        );
        check(
            &[shot(Some("Pixel"), "a"), shot(Some("Pixel a"), "c"), shot(Some("Pixel"), "b")],
            &["Pixel-a", "Pixel-a-2", "Pixel-b"],
        );
        let long = "é手".repeat(100);
        assert_eq!(label(&long), long[..long.floor_char_boundary(LABEL)]);
        assert!((LABEL - 3..=LABEL).contains(&label(&long).len()));
    }

    #[test]
    fn of_several_phones_each_has_a_file() {
        let check = |output: &str, expected: &str| assert_eq!(labelled(Path::new(output), "Pixel-8"), Path::new(expected));
        check("cart.png", "cart-Pixel-8.png");
        check("shots/cart.v2.png", "shots/cart.v2-Pixel-8.png");
        check("cart", "cart-Pixel-8");
    }

    #[test]
    fn a_name_of_our_own_takes_no_files_place() {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<_> =
            ["one", "two"].map(|png| write_beside(folder.path(), "Pixel-8", png.as_bytes()).unwrap()).into_iter().collect();
        assert_eq!(names, ["Pixel-8.png", "Pixel-8-2.png"].map(|name| folder.path().join(name)));
        assert_eq!(fs::read_to_string(&names[0]).unwrap(), "one");
    }

    #[test]
    fn a_named_file_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cart.png");
        fs::write(&file, "before").unwrap();
        let picture = Picture { url: String::new(), png: b"after".to_vec() };
        assert_eq!(write(Some(&file), "Pixel-8", true, &picture).unwrap(), file);
        assert_eq!(fs::read_to_string(&file).unwrap(), "after");
        let nowhere = folder.path().join("none/cart.png");
        assert!(write(Some(&nowhere), "Pixel-8", true, &picture).unwrap_err().to_string().contains("cart.png"));
    }
}
