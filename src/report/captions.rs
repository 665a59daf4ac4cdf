//! The figures of the page, with their titles and captions.

/// A figure's name, its title and its caption.
const CAPTIONS: [(&str, &str, &str); 10] = [
    (
        "frontier",
        "Loss against compute",
        "Lower is better. Large markers are the optima of the profiles with their 95% intervals, solid lines the \
         fitted frontiers over the compute they were measured at (dashed beyond), small points the final losses \
         of all runs, the thin stairs the best of them so far. The double arrow is the compute multiplier: both \
         ends have the same loss.",
    ),
    (
        "profiles",
        "IsoFLOP profiles",
        "Runs of one colour spent the same compute. The parabolas are drawn over the measured sizes; a diamond is an \
         optimum, hollow where it is extrapolated and still in sight. The panels share the loss axis.",
    ),
    (
        "optima",
        "Best size, tokens and tokens per parameter against compute",
        "Markers are the optima of the profiles with their 95% intervals, lines the power law of N* over the compute it was \
         measured at; D* is what the compute pays for at N*.",
    ),
    (
        "predicted",
        "Measured loss against the surface's",
        "On the diagonal a run is where its architecture's surface, fitted to all runs, puts it. Open markers are the runs \
         of the largest budget.",
    ),
    (
        "residuals",
        "Residuals of the surfaces against parameters, tokens and compute",
        "Above zero the surface predicts more loss than was measured. The grey band, where there is one, is two standard \
         deviations between seeds to each side: where residuals leave it in a direction, the form of the surface is wrong.",
    ),
    (
        "multiplier",
        "Compute multiplier against the compute of the baseline, and against the loss",
        "Above 1 the variant needs less compute for the same loss. The band is the 95% interval at each compute. The small \
         markers right of the headline are what other approaches say at its compute.",
    ),
    (
        "direct",
        "Differences of the loss from the baseline",
        "Left of the dashed line an architecture is better than the baseline. Large dots are means over the seeds \
         that both have, lines their 95% intervals, small dots the seeds.",
    ),
    (
        "seconds",
        "Loss against device time",
        "Seconds in training steps, without start-up, evaluation and checkpoints, of the runs that trained all of their steps \
         themselves. The stairs are the best run so far of each architecture.",
    ),
    (
        "curves",
        "Training curves",
        "Validation loss during training, one line a run, both axes logarithmic. Diverged runs are \
         cut off where they leave the range of the others.",
    ),
    (
        "learning_rate",
        "Loss against the factor on the learning rate",
        "One line a size and budget, the mean over seeds; the best factor is filled.",
    ),
];

/// A figure of the report with its caption, to which `more` is added; nothing where it was not drawn.
pub(super) fn figure(figures: &[&str], name: &str, more: &str) -> String {
    let captions = CAPTIONS.iter().find(|(of, ..)| *of == name);
    let Some((_, title, caption)) = captions.filter(|_| figures.contains(&name)) else {
        return String::new();
    };
    format!(
        "![{title}]({name}.png)\n\n*{title}. {caption}{more} As vectors: [{name}.svg]({name}.svg).*\n"
    )
}
