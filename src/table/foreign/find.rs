//! Which column has which role.

use super::ForeignFault;
use super::names::{clause, quoted};
use super::roles::{Known, ROLES, Role, plain};
use super::sheet::Sheet;

/// The columns that have a role.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// The roles that were found, in the order of [`ROLES`], with their columns.
    pub(super) columns: Vec<(Role, usize)>,
}

impl Found {
    /// The column of a role.
    pub(super) fn column(&self, role: Role) -> Option<usize> {
        self.columns
            .iter()
            .find(|(other, _)| *other == role)
            .map(|(_, column)| *column)
    }

    /// The name of a role's column; the role's own where it has none.
    pub(super) fn name<'a>(&self, sheet: &'a Sheet, role: Role) -> &'a str {
        self.column(role)
            .map_or(role.name(), |column| &sheet.names[column])
    }

    /// Whether a column has any role.
    pub(super) fn is_taken(&self, column: usize) -> bool {
        self.columns.iter().any(|(_, other)| *other == column)
    }

    /// The column's name of each role that has one.
    pub(super) fn names(&self, sheet: &Sheet) -> Vec<(Role, String)> {
        self.columns
            .iter()
            .map(|(role, column)| (*role, sheet.names[*column].clone()))
            .collect()
    }
}

/// Finds the columns: those that `map` names, then those that have a usual name.
pub(super) fn find(sheet: &Sheet, map: &[(String, String)]) -> Result<Found, ForeignFault> {
    let mapped = mapped(sheet, map)?;
    let taken: Vec<usize> = mapped.iter().map(|(_, column)| *column).collect();
    let names: Vec<String> = sheet.names.iter().map(|name| plain(name)).collect();
    let mut found = Found::default();
    for known in &ROLES {
        let column = match mapped.iter().find(|(role, _)| *role == known.role) {
            Some((_, column)) => Some(*column),
            None => usual(sheet, &names, known, &taken)?,
        };
        found
            .columns
            .extend(column.map(|column| (known.role, column)));
    }
    let has = |role| found.column(role).is_some();
    let tokens_follow = has(Role::Flops) && has(Role::Params);
    for role in [Role::Params, Role::Tokens, Role::Loss] {
        let follows = role == Role::Tokens && tokens_follow;
        if !has(role) && !follows {
            return Err(missing(sheet, &found, role.known()));
        }
    }
    Ok(found)
}

fn mapped(sheet: &Sheet, map: &[(String, String)]) -> Result<Vec<(Role, usize)>, ForeignFault> {
    let mut found: Vec<(Role, usize)> = Vec::new();
    for (name, column) in map {
        let known = ROLES.iter().find(|known| known.name == plain(name));
        let known = known.ok_or_else(|| unknown_role(name, column))?;
        let place = named(sheet, known, column)?;
        if let Some((_, before)) = found.iter().find(|(role, _)| *role == known.role) {
            let (one, other) = (sheet.names[*before].clone(), sheet.names[place].clone());
            return Err(ForeignFault::MappedTwice {
                role: known.name,
                one,
                other,
            });
        }
        found.push((known.role, place));
    }
    Ok(found)
}

/// A column by the name that `map` gives: as written, or but for its case where that is one column.
fn named(sheet: &Sheet, known: &Known, column: &str) -> Result<usize, ForeignFault> {
    let like = |same: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (0..sheet.names.len())
            .filter(|place| same(&sheet.names[*place]))
            .collect()
    };
    let exact = like(&|name| name == column);
    let similar = like(&|name| plain(name) == plain(column));
    match (exact.as_slice(), similar.as_slice()) {
        ([place], _) | ([], [place]) => Ok(*place),
        ([], []) => Err(ForeignFault::NoSuchColumn {
            role: known.name,
            column: column.to_owned(),
            nearest: clause(&nearest(sheet.names.iter().map(String::as_str), &[column])),
            has: listed(sheet),
        }),
        ([], several) => Err(ambiguous(sheet, known, several)),
        (_, _) => Err(ForeignFault::ColumnTwice(column.to_owned())),
    }
}

/// The column whose name is of the first rank that any has. What was given to another role is none.
fn usual(
    sheet: &Sheet,
    names: &[String],
    known: &Known,
    taken: &[usize],
) -> Result<Option<usize>, ForeignFault> {
    for rank in known.ranks() {
        let places = (0..names.len())
            .filter(|place| rank.contains(&names[*place].as_str()) && !taken.contains(place));
        match places.collect::<Vec<_>>().as_slice() {
            [] => {}
            [place] => return Ok(Some(*place)),
            [one, other, ..] if sheet.names[*one] == sheet.names[*other] => {
                return Err(ForeignFault::ColumnTwice(sheet.names[*one].clone()));
            }
            several => return Err(ambiguous(sheet, known, several)),
        }
    }
    Ok(None)
}

fn ambiguous(sheet: &Sheet, known: &Known, places: &[usize]) -> ForeignFault {
    let names: Vec<&str> = places
        .iter()
        .map(|place| sheet.names[*place].as_str())
        .collect();
    ForeignFault::Ambiguous {
        role: known.name,
        candidates: quoted(&names),
        example: names.first().copied().unwrap_or("COLUMN").to_owned(),
    }
}

fn missing(sheet: &Sheet, found: &Found, known: &Known) -> ForeignFault {
    let has_its_name = |column: usize| {
        known
            .ranks()
            .flatten()
            .any(|name| name == plain(&sheet.names[column]))
    };
    if let Some((by, column)) = found
        .columns
        .iter()
        .find(|(_, column)| has_its_name(*column))
    {
        return ForeignFault::ColumnTaken {
            role: known.name,
            column: sheet.names[*column].clone(),
            by: by.name(),
            has: listed(sheet),
        };
    }
    let free = (0..sheet.names.len())
        .filter(|place| !found.is_taken(*place))
        .map(|place| sheet.names[place].as_str());
    let wanted: Vec<&str> = known
        .ranks()
        .flatten()
        .filter(|name| name.len() > 1)
        .collect();
    let nearest = nearest(free, &wanted);
    ForeignFault::MissingColumn {
        role: known.role,
        nearest: nearest.into_iter().map(str::to_owned).collect(),
        has: listed(sheet),
    }
}

fn unknown_role(name: &str, column: &str) -> ForeignFault {
    let all: Vec<&str> = ROLES.iter().map(|known| known.name).collect();
    // A synonym of a role is as good as near.
    let synonym = ROLES
        .iter()
        .find(|known| known.ranks().flatten().any(|other| other == plain(name)));
    let near = synonym.map_or_else(
        || nearest(all.iter().copied(), &[name]),
        |known| vec![known.name],
    );
    ForeignFault::UnknownRole {
        role: name.to_owned(),
        column: column.to_owned(),
        nearest: clause(&near),
        known: quoted(&all),
    }
}

/// Likeness from which a name is worth naming.
const LIKE: f64 = 0.8;

/// Up to three names that are like one of those wanted, the most alike first.
fn nearest<'a>(names: impl Iterator<Item = &'a str>, wanted: &[&str]) -> Vec<&'a str> {
    let likeness = |name: &str| {
        let name = plain(name);
        let of = |other: &&str| {
            let other = plain(other);
            // `params (M)` begins as `params` does, however much follows.
            let contains = other.len() > 3 && name.contains(&other);
            if contains {
                1.0
            } else {
                strsim::jaro_winkler(&name, &other)
            }
        };
        wanted.iter().map(of).fold(0.0, f64::max)
    };
    let mut alike: Vec<(f64, &str)> = names
        .map(|name| (likeness(name), name))
        .filter(|(l, _)| *l >= LIKE)
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0));
    alike.into_iter().take(3).map(|(_, name)| name).collect()
}

/// The columns of the file: so many are named, more are counted.
fn listed(sheet: &Sheet) -> String {
    const FEW: usize = 24;
    let names: Vec<&str> = sheet.names.iter().map(String::as_str).collect();
    match names.len().checked_sub(FEW) {
        Some(more) if more > 0 => format!("{} and {more} more columns", quoted(&names[..FEW])),
        _ => quoted(&names),
    }
}
