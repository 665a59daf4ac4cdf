//! Adafactor (Shazeer and Stern, arXiv:1804.04235, algorithms 4 and 5) without momentum, updates
//! relative to the parameter.

use isoflop_core::run;
use tch::{Kind, Tensor};

use crate::optimizer::update_rule::{StepSettings, UpdateRule};
use crate::parameters::{MatrixBlock, ModelParameters};

/// Adafactor with its second moments: means of rows and columns for large matrices, all entries for
/// the rest.
#[derive(Debug)]
pub(crate) struct Adafactor {
    settings: run::Adafactor,
    cells: Vec<BlockMoments>,
    rows: Tensor,    // [Σ rows of factored matrices]
    columns: Tensor, // [Σ columns of factored matrices]
    entries: Tensor, // [Σ entries of the others]
}

/// A block, with the positions of its moments.
#[derive(Debug)]
struct BlockMoments {
    block: MatrixBlock,
    moments: SecondMoments,
}

#[derive(Debug)]
enum SecondMoments {
    Factored { row: i64, column: i64 },
    Entries { first: i64 },
}

impl Adafactor {
    pub(super) fn new(settings: run::Adafactor, parameters: &ModelParameters) -> Self {
        let least = i64::from(settings.factor_from);
        let (mut row, mut column, mut entry) = (0, 0, 0);
        let cell = |block: MatrixBlock| {
            let moments = match block.dims[..] {
                [rows, columns] if rows >= least && columns >= least => {
                    let moments = SecondMoments::Factored { row, column };
                    (row, column) = (row + rows, column + columns);
                    moments
                }
                _ => {
                    let moments = SecondMoments::Entries { first: entry };
                    entry += block.dims.iter().product::<i64>();
                    moments
                }
            };
            BlockMoments { block, moments }
        };
        let cells = parameters.blocks().into_iter().map(cell).collect();
        let zeros = |len| Tensor::zeros([len], (Kind::Float, parameters.flat.device()));
        Self {
            settings,
            cells,
            rows: zeros(row),
            columns: zeros(column),
            entries: zeros(entry),
        }
    }

    /// Updates the moments and returns U = G / sqrt(V).
    fn direction(&self, cell: &BlockMoments, g: &Tensor, fresh: f64) -> Tensor {
        let squares = g.square() + self.settings.eps_gradient;
        match (&cell.moments, &cell.block.dims[..]) {
            (SecondMoments::Factored { row, column }, [n, m]) => {
                let mut rows = self.rows.narrow(0, *row, *n); // R, as means
                let mut columns = self.columns.narrow(0, *column, *m); // C
                let _ = rows.lerp_(&squares.mean_dim(1, false, Kind::Float), fresh);
                let _ = columns.lerp_(&squares.mean_dim(0, false, Kind::Float), fresh);
                let row_factor = (&rows / rows.mean(Kind::Float)).rsqrt().unsqueeze(1);
                g * row_factor * columns.rsqrt().unsqueeze(0)
            }
            (SecondMoments::Factored { .. }, _) => unreachable!("only matrices are factored"),
            (SecondMoments::Entries { first }, dims) => {
                let mut entries = self
                    .entries
                    .narrow(0, *first, dims.iter().product())
                    .view(dims);
                let _ = entries.lerp_(&squares, fresh);
                g * entries.rsqrt()
            }
        }
    }
}

impl UpdateRule for Adafactor {
    fn update(
        &mut self,
        parameters: &ModelParameters,
        gradient: &Tensor,
        with: StepSettings,
    ) -> Tensor {
        let flat = parameters.flat.detach();
        let update = flat.zeros_like();
        // 1 - β₂(t) = t^-c: the first step uses only the square of its gradient.
        let fresh = (with.step as f64).powf(-self.settings.decay_power);
        for cell in &self.cells {
            let x = cell.block.of(&flat);
            let u = self.direction(cell, &cell.block.of(gradient), fresh);
            let cut = (root_mean_square(&u) / self.settings.clip_threshold).clamp_min(1.0);
            let scale = root_mean_square(&x).clamp_min(self.settings.eps_parameter);
            cell.block
                .of(&update)
                .copy_(&(u / cut * scale * with.learning_rate));
        }
        update
    }

    fn state(&self) -> Vec<(&'static str, &Tensor)> {
        vec![
            ("row_moments", &self.rows),
            ("column_moments", &self.columns),
            ("second_moment", &self.entries),
        ]
    }
}

fn root_mean_square(x: &Tensor) -> Tensor {
    x.square().mean(Kind::Float).sqrt()
}
