//! Files of a figure, with the same bytes each time.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use plotters::prelude::*;
use plotters::style::register_font;

use super::ReportError;
use super::canvas::{BITMAP, SCALE, SVG};
use super::figure::Figure;
use super::render;
use isoflop_core::run::{WriteError, if_exists, unwritable, write_atomic};

/// Drawn pixels per pixel of a PNG, in each direction. Their mean smooths edges.
const REDUCTION: usize = 2;

/// Font of all text, so that figures do not depend on the host's fonts. See assets/fonts/README.md.
static FONT: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans.ttf");

/// Writes `NAME.svg` and `NAME.png`.
pub(super) fn save(folder: &Path, name: &str, figure: &Figure) -> Result<(), ReportError> {
    let path = folder.join(name).with_extension("svg");
    register().map_err(ReportError::drawing(&path))?;
    let svg = svg(figure).map_err(ReportError::drawing(&path))?;
    write_atomic(&path, svg.as_bytes()).map_err(unwritable(&path))?;
    let path = folder.join(name).with_extension("png");
    let png = png(&path, figure).map_err(ReportError::drawing(&path))?;
    Ok(write_atomic(&path, &png).map_err(unwritable(&path))?)
}

/// Registers the font, once for the process, because plotters keeps fonts in a global table.
fn register() -> Result<(), &'static str> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let register = || register_font("sans-serif", FontStyle::Normal, FONT).is_ok();
    if *REGISTERED.get_or_init(register) {
        Ok(())
    } else {
        Err("invalid font: the font that ships with isoflop cannot be read")
    }
}

fn svg(figure: &Figure) -> Result<String, String> {
    let (size, drawn) = (figure.size(), drawn_size(figure));
    let mut text = String::new();
    render::draw(figure, SVGBackend::with_string(&mut text, drawn), SVG)
        .map_err(|e| e.to_string())?;
    // The image has the figure's size. Its view box keeps the finer grid.
    let attributes = |(width, height)| format!("width=\"{width}\" height=\"{height}\" viewBox");
    Ok(text.replacen(&attributes(drawn), &attributes(size), 1))
}

/// Width and height in drawn pixels.
fn drawn_size(figure: &Figure) -> (u32, u32) {
    let (width, height) = figure.size();
    (width * SCALE, height * SCALE)
}

/// Returns the bytes of a PNG, by way of a temporary file next to `path`.
fn png(path: &Path, figure: &Figure) -> Result<Vec<u8>, String> {
    let (width, height) = drawn_size(figure);
    let mut drawn = vec![255; 3 * width as usize * height as usize];
    let backend = BitMapBackend::with_buffer(&mut drawn, (width, height));
    render::draw(figure, backend, BITMAP).map_err(|e| e.to_string())?;
    let small = reduced(&drawn, width as usize);
    // plotters encodes only to a path, and chooses the format by its extension.
    let temporary = path.with_extension(format!("tmp.{}.png", std::process::id()));
    let size = (width / REDUCTION as u32, height / REDUCTION as u32);
    let bytes = encode(&temporary, &small, size)
        .and_then(|()| fs::read(&temporary).map_err(|e| e.to_string()));
    // An earlier error matters more to the caller.
    let _ = fs::remove_file(&temporary);
    bytes
}

fn encode(path: &Path, pixels: &[u8], size: (u32, u32)) -> Result<(), String> {
    let mut backend = BitMapBackend::new(path, size);
    backend
        .blit_bitmap((0, 0), size, pixels)
        .map_err(|e| e.to_string())?;
    backend.present().map_err(|e| e.to_string())
}

/// Reduces an image: each pixel is the mean of a square of pixels, with three bytes per pixel.
fn reduced(pixels: &[u8], width: usize) -> Vec<u8> {
    let rows = pixels.len() / (3 * width);
    let mut small = Vec::with_capacity(pixels.len() / (REDUCTION * REDUCTION));
    for row in (0..rows).step_by(REDUCTION) {
        for column in (0..width).step_by(REDUCTION) {
            for channel in 0..3 {
                let at = |i: usize| {
                    pixels[3 * ((row + i / REDUCTION) * width + column + i % REDUCTION) + channel]
                };
                let sum: usize = (0..REDUCTION * REDUCTION).map(|i| usize::from(at(i))).sum();
                small.push((sum / (REDUCTION * REDUCTION)) as u8);
            }
        }
    }
    small
}

/// Removes a figure of an earlier report, which would look like a figure of this one.
pub(super) fn remove(folder: &Path, name: &str) -> Result<(), WriteError> {
    ["svg", "png"].into_iter().try_for_each(|extension| {
        let path = folder.join(name).with_extension(extension);
        let removed = if_exists(fs::remove_file(&path));
        removed.map(drop).map_err(unwritable(&path))
    })
}
