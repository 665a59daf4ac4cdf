//! A file that is fetched, as far as it is here.

use std::io;
use std::path::Path;

use tokio::fs::File;

/// The file, to which more is added, and how many bytes it has.
pub(super) async fn part(path: &Path) -> io::Result<(File, u64)> {
    let file = File::options().create(true).append(true).open(path).await?;
    let length = file.metadata().await?.len();
    Ok((file, length))
}
