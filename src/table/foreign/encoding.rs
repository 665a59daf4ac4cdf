//! Bytes to text.

use std::borrow::Cow;

use super::ForeignFault;

/// The text of a file, its lines ended as they are everywhere but on old Macs.
pub(super) fn text(bytes: &[u8]) -> Result<Cow<'_, str>, ForeignFault> {
    // Spreadsheets begin UTF-8 with a mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Some(encoding) = utf16(bytes) {
        return Err(ForeignFault::Utf16(encoding));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| ForeignFault::NotUtf8(line_at(bytes, error.valid_up_to())))?;
    if let Some(nul) = bytes.iter().position(|byte| *byte == 0) {
        return Err(ForeignFault::Nul(line_at(bytes, nul)));
    }
    Ok(with_line_feeds(text))
}

/// The encoding by its mark, or by its second bytes: those of Latin letters are NUL.
fn utf16(bytes: &[u8]) -> Option<&'static str> {
    const BEGIN: usize = 64;
    let nul = |first: usize| {
        let mut bytes = bytes.iter().take(BEGIN).skip(first).step_by(2).peekable();
        bytes.peek().is_some() && bytes.all(|byte| *byte == 0)
    };
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("utf-16"),
        _ if nul(1) => Some("utf-16le"),
        _ if nul(0) => Some("utf-16be"),
        _ => None,
    }
}

/// Lone carriage returns are line ends too: the reader of rows takes them so, and counts none of them.
fn with_line_feeds(text: &str) -> Cow<'_, str> {
    let is_lone = |at: usize| text.as_bytes().get(at + 1) != Some(&b'\n');
    if !text
        .bytes()
        .enumerate()
        .any(|(at, byte)| byte == b'\r' && is_lone(at))
    {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// The line that a byte is in.
fn line_at(bytes: &[u8], at: usize) -> u64 {
    let is_end = |place: &usize| match bytes[*place] {
        b'\n' => true,
        b'\r' => bytes.get(place + 1) != Some(&b'\n'),
        _ => false,
    };
    1 + (0..at).filter(is_end).count() as u64
}
