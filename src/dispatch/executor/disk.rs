//! Room on a disk.

use std::path::Path;

use nix::sys::statvfs::statvfs;

use crate::exchange::dropped;

/// Bytes that this user may still write to the file system of a folder; none where the system does not say.
pub(crate) fn free_disk(folder: &Path) -> Option<u64> {
    let found = dropped(statvfs(folder), "the disk does not say what is free")?;
    Some(found.blocks_available() * found.fragment_size())
}
