//! What a terminal shows while a sweep runs: bars, and lines above them.

use std::fs::{self, File};
use std::io::Read;
use std::process::Stdio;

use nix::errno::Errno;
use nix::pty::{Winsize, openpty};

use crate::book::copy_into;
use crate::coordinator::noop;
use crate::sandbox::Sandbox;

/// A terminal on which no line is broken.
const SIZE: Winsize = Winsize {
    ws_row: 50,
    ws_col: 500,
    ws_xpixel: 0,
    ws_ypixel: 0,
};

/// The lines of a terminal, those that were scrolled away among them.
#[derive(Default)]
struct Screen {
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Screen {
    /// The lines after all of this was written, as ECMA-48 says.
    fn after(text: &str) -> Vec<String> {
        let mut screen = Self::default();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\r' => screen.column = 0,
                '\n' => screen.row += 1,
                '\u{1b}' => {
                    assert_eq!(letters.next(), Some('['), "not a control sequence");
                    let mut sequence = String::new();
                    while !sequence.ends_with(char::is_alphabetic) {
                        sequence.push(letters.next().unwrap());
                    }
                    screen.control(&sequence);
                }
                letter => screen.put(letter),
            }
        }
        let lines = screen.lines.iter().map(|line| line.iter().collect());
        lines
            .map(|line: String| line.trim_end().to_owned())
            .collect()
    }

    fn line(&mut self) -> &mut Vec<char> {
        let rows = self.lines.len().max(self.row + 1);
        self.lines.resize_with(rows, Vec::new);
        &mut self.lines[self.row]
    }

    fn put(&mut self, letter: char) {
        // A line that is full goes on in the next with the next letter, not before.
        if self.column == usize::from(SIZE.ws_col) {
            (self.row, self.column) = (self.row + 1, 0);
        }
        let column = self.column;
        let line = self.line();
        line.resize(line.len().max(column + 1), ' ');
        line[column] = letter;
        self.column += 1;
    }

    fn control(&mut self, sequence: &str) {
        let (number, end) = sequence.split_at(sequence.len() - 1);
        let count = number.parse().unwrap_or(1);
        let column = self.column;
        match (end, number) {
            ("A", _) => self.row = self.row.saturating_sub(count),
            ("B", _) => self.row += count,
            ("C", _) => self.column += count,
            ("D", _) => self.column = column.saturating_sub(count),
            ("G", _) => self.column = count - 1,
            ("K", "" | "0") => self.line().truncate(column),
            ("K", "2") => self.line().clear(),
            ("J", "" | "0") => {
                self.line().truncate(column);
                let rows = self.row + 1;
                self.lines.truncate(rows);
            }
            // Colours, and whether the cursor is seen.
            ("m" | "h" | "l", _) => {}
            _ => panic!("the sequence `{sequence}` is not known here"),
        }
    }
}

/// What a sweep of the trainer that trains nothing leaves on a terminal, with `-v`.
fn shown(sandbox: &Sandbox) -> (Vec<String>, String) {
    let terminal = openpty(&SIZE, None).unwrap();
    let mut running = sandbox
        .command(&["-v", "run", "sweep.yaml", "--trainer", &noop()])
        .env("NOOP_SECONDS", "0.2")
        .env("TERM", "xterm-256color")
        .stdout(Stdio::null())
        .stderr(Stdio::from(terminal.slave))
        .spawn()
        .unwrap();
    let mut written = Vec::new();
    // A terminal that nobody holds any more ends in an error.
    if let Err(error) = File::from(terminal.master).read_to_end(&mut written) {
        assert_eq!(error.raw_os_error(), Some(Errno::EIO as i32), "{error}");
    }
    assert!(running.wait().unwrap().success());
    let written = String::from_utf8(written).unwrap();
    (Screen::after(&written), written)
}

/// Lines of the log are written among bars that are drawn anew twenty times a second.
#[test]
fn lines_of_the_log_stand_whole_above_the_bars() {
    let sandbox = Sandbox::new();
    let (lines, written) = shown(&sandbox);
    assert!(written.contains("━"), "no bar was drawn: {written}");
    let log = fs::read_to_string(sandbox.path("results/sweep/coordinator.log")).unwrap();
    let decided: Vec<&str> = log
        .lines()
        .map(|line| line.rsplit("}: ").next().unwrap())
        .collect();
    assert!(decided.len() > 8 * 4, "{log}");
    // A decision's time comes first on its line, what was decided last, and no more stands on it.
    let events: Vec<&String> = lines.iter().filter(|line| line.contains("INFO")).collect();
    for line in &events {
        let is_time = |word: &str| word.starts_with("20") && word.ends_with('Z');
        assert!(line.split(' ').next().is_some_and(is_time), "{line}");
        assert_eq!(line.matches("INFO").count(), 1, "{line}");
        assert!(!line.contains('━'), "{line}");
    }
    for decision in decided {
        let is_whole = |line: &&&String| line.ends_with(decision);
        assert!(
            events.iter().any(|line| is_whole(&line)),
            "{decision} in {lines:#?}"
        );
    }
}

/// A terminal of the usual width.
const USUAL: Winsize = Winsize {
    ws_row: 24,
    ws_col: 80,
    ws_xpixel: 0,
    ws_ypixel: 0,
};

/// Text that a command writes to a terminal.
fn on_a_terminal(sandbox: &Sandbox, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let terminal = openpty(&USUAL, None).unwrap();
    let slave = || Stdio::from(terminal.slave.try_clone().unwrap());
    let mut command = sandbox.command(arguments);
    command
        .env_remove("COLUMNS")
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR");
    let mut running = command
        .envs(variables.iter().copied())
        .stdout(slave())
        .stderr(slave())
        .spawn()
        .unwrap();
    // The terminal ends with its last writer.
    drop((command, terminal.slave));
    let mut written = Vec::new();
    if let Err(error) = File::from(terminal.master).read_to_end(&mut written) {
        assert_eq!(error.raw_os_error(), Some(Errno::EIO as i32), "{error}");
    }
    running.wait().unwrap();
    String::from_utf8(written).unwrap().replace("\r\n", "\n")
}

/// The text without colours and bold, its lines sorted: the order of the two streams is open.
fn plain_lines(text: &str) -> Vec<String> {
    let mut pieces = text.split("\u{1b}[");
    let mut plain = pieces.next().unwrap().to_owned();
    for piece in pieces {
        plain += piece.split_once('m').expect("a colour").1;
    }
    let mut lines: Vec<_> = plain
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.sort();
    lines
}

/// A terminal shows what a pipe gets, with the verdict, errors and states marked, unless `NO_COLOR` is set.
#[test]
fn a_terminal_adds_colour_and_nothing_else() {
    let sandbox = Sandbox::new();
    copy_into(&sandbox, &["results"]);
    sandbox.ok(&["run", "sweep.yaml"]);
    for (arguments, mark) in [
        (
            &["fit", "example"][..],
            "\u{1b}[1mprimer_ez against transformer",
        ),
        (&["status", "sweep"], "\u{1b}[32mfinished\u{1b}[0m"),
        (&["status", "example"], ""),
        (&["plan", "sweep.yaml", "--no-calibration"], ""),
        (&["predict", "example", "--flops", "1e11"], ""),
        (&["suggest", "example", "--flops", "1e12"], ""),
        (&["arch", "show", "primer", "--size", "medium"], ""),
        (&["fit", "nothing"], "\u{1b}[1;31merror:\u{1b}[0m"),
        (
            &["predict", "example", "--flops", "much"],
            "\u{1b}[1;31merror:\u{1b}[0m",
        ),
    ] {
        let piped = sandbox.run(arguments);
        let shown = on_a_terminal(&sandbox, arguments, &[]);
        assert!(
            shown.contains(mark),
            "isoflop {}: {shown:?}",
            arguments.join(" ")
        );
        assert_eq!(
            plain_lines(&shown),
            plain_lines(&format!("{}{}", piped.out, piped.stderr))
        );
        let plain = on_a_terminal(&sandbox, arguments, &[("NO_COLOR", "1")]);
        assert!(
            !plain.contains('\u{1b}'),
            "isoflop {}: {plain:?}",
            arguments.join(" ")
        );
        assert!(!piped.out.contains('\u{1b}') && !piped.stderr.contains('\u{1b}'));
    }
}
