//! Room on a disk.

use std::path::Path;

use nix::sys::statvfs::statvfs;

/// Bytes that this user may still write to the file system of a folder; none where the system does not say.
pub fn free_disk(folder: &Path) -> Option<u64> {
    let found = statvfs(folder).ok()?;
    Some(found.blocks_available() * found.fragment_size())
}
