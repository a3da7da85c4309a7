//! What was acknowledged is in the file, whatever happened in between: a kill, a full disk, an editor.
//!
//! The file is read as any other program reads it, never through the server.

mod disks;
mod edits;
mod kills;

/// The headers of a body of JSON.
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// The media type of a merge patch.
const MERGE: &str = "application/merge-patch+json";
