//! Assignment of columns to roles.

use super::ForeignFault;
use super::names::{clause, quoted};
use super::roles::{ColumnRole, KnownRole, ROLES, normalized};
use super::sheet::Sheet;

/// Columns that have a role.
#[derive(Clone, Debug, Default)]
pub(super) struct RoleColumns {
    /// Roles with their columns, in the order of [`ROLES`].
    pub(super) columns: Vec<(ColumnRole, usize)>,
}

impl RoleColumns {
    /// Returns the column of a role.
    pub(super) fn column(&self, role: ColumnRole) -> Option<usize> {
        self.columns
            .iter()
            .find(|(other, _)| *other == role)
            .map(|(_, column)| *column)
    }

    /// Returns the name of a role's column, or the name of the role if it has no column.
    pub(super) fn name<'a>(&self, sheet: &'a Sheet, role: ColumnRole) -> &'a str {
        self.column(role)
            .map_or(role.name(), |column| &sheet.names[column])
    }

    /// Reports whether a column has a role.
    pub(super) fn has_role(&self, column: usize) -> bool {
        self.columns.iter().any(|(_, other)| *other == column)
    }

    /// Returns the roles with the names of their columns.
    pub(super) fn names(&self, sheet: &Sheet) -> Vec<(ColumnRole, String)> {
        self.columns
            .iter()
            .map(|(role, column)| (*role, sheet.names[*column].clone()))
            .collect()
    }
}

/// Finds the columns by `map`, then by their usual names.
pub(super) fn find(sheet: &Sheet, map: &[(String, String)]) -> Result<RoleColumns, ForeignFault> {
    let mapped = find_mapped(sheet, map)?;
    let taken: Vec<usize> = mapped.iter().map(|(_, column)| *column).collect();
    let names: Vec<String> = sheet.names.iter().map(|name| normalized(name)).collect();
    let mut found = RoleColumns::default();
    for known in &ROLES {
        let column = match mapped.iter().find(|(role, _)| *role == known.role) {
            Some((_, column)) => Some(*column),
            None => find_usual(sheet, &names, known, &taken)?,
        };
        found
            .columns
            .extend(column.map(|column| (known.role, column)));
    }
    let has = |role| found.column(role).is_some();
    let tokens_follow = has(ColumnRole::Flops) && has(ColumnRole::Params);
    for role in [ColumnRole::Params, ColumnRole::Tokens, ColumnRole::Loss] {
        let follows = role == ColumnRole::Tokens && tokens_follow;
        if !has(role) && !follows {
            return Err(missing(sheet, &found, role.known()));
        }
    }
    Ok(found)
}

fn find_mapped(
    sheet: &Sheet,
    map: &[(String, String)],
) -> Result<Vec<(ColumnRole, usize)>, ForeignFault> {
    let mut found: Vec<(ColumnRole, usize)> = Vec::new();
    for (name, column) in map {
        let known = ROLES.iter().find(|known| known.name == normalized(name));
        let known = known.ok_or_else(|| unknown_role(name, column))?;
        let place = find_named(sheet, known, column)?;
        if let Some((_, before)) = found.iter().find(|(role, _)| *role == known.role) {
            let (one, other) = (sheet.names[*before].clone(), sheet.names[place].clone());
            return Err(ForeignFault::DuplicateMapping {
                role: known.name,
                one,
                other,
            });
        }
        found.push((known.role, place));
    }
    Ok(found)
}

/// Finds a column by the name in `map`: the exact name, or the only name that differs in case or
/// separators.
fn find_named(sheet: &Sheet, known: &KnownRole, column: &str) -> Result<usize, ForeignFault> {
    let like = |same: &dyn Fn(&str) -> bool| -> Vec<usize> {
        (0..sheet.names.len())
            .filter(|place| same(&sheet.names[*place]))
            .collect()
    };
    let exact = like(&|name| name == column);
    let similar = like(&|name| normalized(name) == normalized(column));
    match (exact.as_slice(), similar.as_slice()) {
        ([place], _) | ([], [place]) => Ok(*place),
        ([], []) => Err(ForeignFault::UnknownColumn {
            role: known.name,
            column: column.to_owned(),
            nearest: clause(&similar_names(
                sheet.names.iter().map(String::as_str),
                &[column],
            )),
            has: list_columns(sheet),
        }),
        ([], several) => Err(ambiguous(sheet, known, several)),
        (_, _) => Err(ForeignFault::DuplicateColumn(column.to_owned())),
    }
}

/// Finds a column by the usual names of a role. The names of the first rank that matches win.
/// Columns that `map` assigns to another role are ignored.
fn find_usual(
    sheet: &Sheet,
    names: &[String],
    known: &KnownRole,
    taken: &[usize],
) -> Result<Option<usize>, ForeignFault> {
    for rank in known.ranks() {
        let places = (0..names.len())
            .filter(|place| rank.contains(&names[*place].as_str()) && !taken.contains(place));
        match places.collect::<Vec<_>>().as_slice() {
            [] => {}
            [place] => return Ok(Some(*place)),
            [one, other, ..] if sheet.names[*one] == sheet.names[*other] => {
                return Err(ForeignFault::DuplicateColumn(sheet.names[*one].clone()));
            }
            several => return Err(ambiguous(sheet, known, several)),
        }
    }
    Ok(None)
}

fn ambiguous(sheet: &Sheet, known: &KnownRole, places: &[usize]) -> ForeignFault {
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

fn missing(sheet: &Sheet, found: &RoleColumns, known: &KnownRole) -> ForeignFault {
    let has_its_name = |column: usize| {
        known
            .ranks()
            .flatten()
            .any(|name| name == normalized(&sheet.names[column]))
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
            has: list_columns(sheet),
        };
    }
    let free = (0..sheet.names.len())
        .filter(|place| !found.has_role(*place))
        .map(|place| sheet.names[place].as_str());
    let wanted: Vec<&str> = known
        .ranks()
        .flatten()
        .filter(|name| name.len() > 1)
        .collect();
    let nearest = similar_names(free, &wanted);
    ForeignFault::MissingColumn {
        role: known.role,
        nearest: nearest.into_iter().map(str::to_owned).collect(),
        has: list_columns(sheet),
    }
}

fn unknown_role(name: &str, column: &str) -> ForeignFault {
    let all: Vec<&str> = ROLES.iter().map(|known| known.name).collect();
    // A synonym of a role is the best suggestion.
    let synonym = ROLES.iter().find(|known| {
        known
            .ranks()
            .flatten()
            .any(|other| other == normalized(name))
    });
    let near = synonym.map_or_else(
        || similar_names(all.iter().copied(), &[name]),
        |known| vec![known.name],
    );
    ForeignFault::UnknownRole {
        role: name.to_owned(),
        column: column.to_owned(),
        nearest: clause(&near),
        known: quoted(&all),
    }
}

/// Smallest similarity of a name that is suggested, from 0 to 1.
const MIN_SIMILARITY: f64 = 0.8;

/// Returns up to three names that are similar to one of the searched names, the most similar first.
fn similar_names<'a>(names: impl Iterator<Item = &'a str>, wanted: &[&str]) -> Vec<&'a str> {
    let likeness = |name: &str| {
        let name = normalized(name);
        let of = |other: &&str| {
            let other = normalized(other);
            // `params (M)` contains `params`: a perfect match, however long the rest is.
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
        .filter(|(l, _)| *l >= MIN_SIMILARITY)
        .collect();
    alike.sort_by(|a, b| b.0.total_cmp(&a.0));
    alike.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Lists the columns of the file: the first names, and the number of the others.
fn list_columns(sheet: &Sheet) -> String {
    const FEW: usize = 24;
    let names: Vec<&str> = sheet.names.iter().map(String::as_str).collect();
    match names.len().checked_sub(FEW) {
        Some(more) if more > 0 => format!("{} and {more} more", quoted(&names[..FEW])),
        _ => quoted(&names),
    }
}
