//! Which folders lie on a file system that others change without our kernel being told.
//!
//! A network or shared file system delivers events for what is done on this machine, so that a look at its own saves proves
//! nothing; its type decides.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

/// Types whose files are changed from elsewhere: network file systems, and folders that a virtual machine or a container shares
/// with its host. `fuse` is that of every file system that names no other type of its own.
const SHARED: &[&str] = &[
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "virtiofs",
    "vboxsf",
    "vmhgfs",
    "prl_fs",
    "afs",
    "ceph",
    "glusterfs",
    "lustre",
    "gfs2",
    "ocfs2",
    "fuse",
    "fakeowner",
    "grpcfuse",
    "drvfs",
    "wslfs",
];

/// Where file systems are mounted.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    /// Each place with its type, in the order they were mounted.
    mounted: Vec<(PathBuf, String)>,
    places: HashSet<PathBuf>,
}

impl Mounts {
    /// As they are now.
    pub(super) fn now() -> Self {
        Self::parse(&table())
    }

    /// Each line is `36 35 98:0 /root /place options - type source options`; the middle part is of any length.
    fn parse(table: &str) -> Self {
        let mount = |line: &str| {
            let (before, after) = line.split_once(" - ")?;
            Some((unescaped(before.split(' ').nth(4)?), after.split(' ').next()?.to_owned()))
        };
        let mounted: Vec<_> = table.lines().filter_map(mount).collect();
        Self { places: mounted.iter().map(|(place, _)| place.clone()).collect(), mounted }
    }

    /// Whether a file system is mounted at this real path.
    pub(super) fn begins_at(&self, path: &Path) -> bool {
        self.places.contains(path)
    }

    /// The type of the file system a real path lies on, when others change it.
    pub(super) fn shared(&self, path: &Path) -> Option<&str> {
        let innermost =
            self.mounted.iter().filter(|(place, _)| path.starts_with(place)).max_by_key(|(place, _)| place.as_os_str().len());
        innermost.map(|(_, kind)| kind.as_str()).filter(|kind| is_shared(kind))
    }
}

fn is_shared(kind: &str) -> bool {
    SHARED.contains(&kind) || kind.starts_with("fuse.")
}

#[cfg(target_os = "linux")]
fn table() -> String {
    let table = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    String::from_utf8_lossy(&table).into_owned()
}

/// Elsewhere the system's engine tells of what it cannot watch.
#[cfg(not(target_os = "linux"))]
fn table() -> String {
    String::new()
}

/// Spaces and the like stand there as `\040`.
fn unescaped(text: &str) -> PathBuf {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => plain.extend([&String::from(char::from(byte)), &part[3..]]),
            None => plain.extend(["\\", part]),
        }
    }
    plain.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /srv/my\\040project rw shared:5 master:1 - nfs4 host:/export rw
31 30 0:27 / /srv/my\\040project/cache rw - tmpfs tmpfs rw
32 22 0:28 / /mnt/phone rw - fuse.sshfs phone: rw
33 22 0:29 / /mnt/windows rw - fuseblk /dev/vdb rw
";

    #[test]
    fn the_innermost_mount_decides() {
        let mounts = Mounts::parse(TABLE);
        let cases = [
            ("/srv", None),
            ("/srv/my project", Some("nfs4")),
            ("/srv/my project/static", Some("nfs4")),
            ("/srv/my project/cache/x", None),
            ("/mnt/phone", Some("fuse.sshfs")),
            ("/mnt/phones", None),
            ("/mnt/windows", None),
        ];
        for (path, expected) in cases {
            assert_eq!(mounts.shared(Path::new(path)), expected, "{path}");
        }
    }
}
