//! Whether a phone with USB debugging is plugged into this machine, told without adb.
//!
//! Such a phone has a USB interface of adb's own kind: vendor-specific class ff, subclass 42, protocol 1 (`ADB_CLASS`, `ADB_SUBCLASS`
//! and `ADB_PROTOCOL` in Android's `adb.h`). Linux shows the interfaces of all devices as files; elsewhere nobody knows.

use std::{fs, path::Path};

/// Where Linux shows them.
pub(super) const DEVICES: &str = "/sys/bus/usb/devices";

/// The files of an interface and what they say where it is adb's.
pub(super) const KIND: [(&str, &str); 3] =
    [("bInterfaceClass", "ff"), ("bInterfaceSubClass", "42"), ("bInterfaceProtocol", "01")];

/// Whether there is one among these devices. A few small files of the kernel's are read for it.
pub(super) fn is_any(devices: &Path) -> bool {
    let entries = fs::read_dir(devices).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|interface| KIND.iter().all(|(file, kind)| says(&interface.join(file), kind)))
}

fn says(file: &Path, text: &str) -> bool {
    fs::read_to_string(file).is_ok_and(|said| said.trim_end() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(interfaces: &[(&str, [&str; 3])], expected: bool) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("usb1")).unwrap();
        for (name, values) in interfaces {
            let interface = folder.path().join(name);
            fs::create_dir(&interface).unwrap();
            for ((file, _), value) in KIND.iter().zip(values) {
                fs::write(interface.join(file), format!("{value}\n")).unwrap();
            }
        }
        assert_eq!(is_any(folder.path()), expected, "{interfaces:?}");
    }

    #[test]
    fn a_phone_is_known_by_its_interface() {
        let (hub, storage, transfer, debugging) =
            (["09", "00", "00"], ["08", "06", "50"], ["ff", "ff", "00"], ["ff", "42", "01"]);
        check(&[], false);
        check(&[("1-0:1.0", hub), ("1-1:1.0", storage), ("1-2:1.0", transfer)], false);
        check(&[("1-0:1.0", hub), ("1-2:1.0", transfer), ("1-2:1.1", debugging)], true);
        assert!(!is_any(Path::new("/nowhere")));
    }
}
