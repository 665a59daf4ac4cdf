//! From a figure to its files, the same bytes each time.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use plotters::prelude::*;
use plotters::style::register_font;

use super::ReportError;
use super::canvas::{BITMAP, SCALE, SVG};
use super::figure::Figure;
use super::render;
use isoflop_core::run::write_whole;

/// Drawn pixels per pixel of a PNG, each way: their mean smooths the edges.
const REDUCTION: usize = 2;

/// Lettering that does not depend on the host's fonts. assets/fonts/README.md says what it is.
static FONT: &[u8] = include_bytes!("../../assets/fonts/DejaVuSans.ttf");

/// Writes `NAME.svg` and `NAME.png`.
pub(super) fn save(folder: &Path, figure: &Figure) -> Result<(), ReportError> {
    let path = folder.join(figure.name).with_extension("svg");
    register(&path)?;
    let svg = svg(figure).map_err(|reason| ReportError::NotDrawn {
        path: path.clone(),
        reason,
    })?;
    write_whole(&path, svg.as_bytes())
        .map_err(|source| ReportError::Unwritable { path, source })?;
    save_png(&folder.join(figure.name).with_extension("png"), figure)
}

/// plotters keeps fonts for the whole process.
fn register(path: &Path) -> Result<(), ReportError> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let registered =
        *REGISTERED.get_or_init(|| register_font("sans-serif", FontStyle::Normal, FONT).is_ok());
    let reason = || "the font that ships with the program is not a font".to_owned();
    registered
        .then_some(())
        .ok_or_else(|| ReportError::NotDrawn {
            path: path.to_owned(),
            reason: reason(),
        })
}

fn svg(figure: &Figure) -> Result<String, String> {
    let (width, height) = figure.size();
    let drawn = (width * SCALE, height * SCALE);
    let mut text = String::new();
    render::draw(figure, SVGBackend::with_string(&mut text, drawn), SVG)
        .map_err(|e| e.to_string())?;
    // Shown at the figure's size; the view box keeps the finer grid.
    let size = |(width, height)| format!("width=\"{width}\" height=\"{height}\" viewBox");
    Ok(text.replacen(&size(drawn), &size((width, height)), 1))
}

fn save_png(path: &Path, figure: &Figure) -> Result<(), ReportError> {
    let not_drawn = |reason: String| ReportError::NotDrawn {
        path: path.to_owned(),
        reason,
    };
    let unwritable = |source| ReportError::Unwritable {
        path: path.to_owned(),
        source,
    };
    let (width, height) = figure.size();
    let (width, height) = (width * SCALE, height * SCALE);
    let mut drawn = vec![255; 3 * width as usize * height as usize];
    let backend = BitMapBackend::with_buffer(&mut drawn, (width, height));
    render::draw(figure, backend, BITMAP).map_err(|e| not_drawn(e.to_string()))?;
    let small = reduced(&drawn, width as usize);
    // plotters encodes to a path only, and by its extension.
    let temporary = path.with_extension(format!("tmp.{}.png", std::process::id()));
    let size = (width / REDUCTION as u32, height / REDUCTION as u32);
    let bytes = encode(&temporary, &small, size)
        .and_then(|()| fs::read(&temporary).map_err(|e| e.to_string()));
    // A failure above is what the caller must hear of.
    let _ = fs::remove_file(&temporary);
    write_whole(path, &bytes.map_err(not_drawn)?).map_err(unwritable)
}

fn encode(path: &Path, pixels: &[u8], size: (u32, u32)) -> Result<(), String> {
    let mut backend = BitMapBackend::new(path, size);
    backend
        .blit_bitmap((0, 0), size, pixels)
        .map_err(|e| e.to_string())?;
    backend.present().map_err(|e| e.to_string())
}

/// Each pixel the mean of a square of them; three bytes a pixel.
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

/// Removes a figure of an earlier report, so that it is not taken for one of this.
pub(super) fn remove(folder: &Path, name: &str) -> Result<(), ReportError> {
    for extension in ["svg", "png"] {
        let path = folder.join(name).with_extension(extension);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(ReportError::Unwritable { path, source });
            }
            _ => {}
        }
    }
    Ok(())
}
