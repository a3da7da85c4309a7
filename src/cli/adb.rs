//! Where adb is on this machine, as its own tools find it.

use std::{env, path::PathBuf};

use crate::device::AdbServer;

/// The adb server's port, unless the environment says otherwise.
const PORT: u16 = 5037;

/// Where Android's SDK is, by the variables that name it and by where Android Studio puts it.
const KITS: [&str; 2] = ["ANDROID_HOME", "ANDROID_SDK_ROOT"];
const KITS_AT_HOME: [&str; 2] = ["Android/Sdk", "Library/Android/sdk"];

/// The adb server of this machine, running or not.
pub(super) fn server() -> AdbServer {
    let port = env::var("ANDROID_ADB_SERVER_PORT").ok().and_then(|port| port.parse().ok());
    AdbServer { port: port.unwrap_or(PORT), folders: folders() }
}

/// The search path, then the SDK.
fn folders() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let named = KITS.into_iter().filter_map(env::var_os).map(PathBuf::from);
    let at_home = env::home_dir().into_iter().flat_map(|home| KITS_AT_HOME.map(|kit| home.join(kit)));
    let kits = named.chain(at_home).map(|kit| kit.join("platform-tools"));
    // A relative folder would be another one for the program that is started by it.
    env::split_paths(&path).chain(kits).filter(|folder| folder.is_absolute()).collect()
}
