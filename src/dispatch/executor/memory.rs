//! Free memory and disk space of this machine, and the kernel's count of out-of-memory kills.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use nvml_wrapper::Nvml;

use super::Slot;
use crate::exchange::dropped;
use isoflop_core::run::Device;

/// Memory that the slots can use for runs, bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FreeMemory {
    /// Shared by all slots: the machine's memory, or the part that its control group allows.
    Shared(u64),
    /// Memory of each slot's device.
    Each(Vec<u64>),
}

impl FreeMemory {
    /// Maximum memory of one run, bytes.
    pub fn most(&self) -> u64 {
        match self {
            Self::Shared(bytes) => *bytes,
            Self::Each(each) => each.iter().copied().max().unwrap_or(0),
        }
    }
}

/// Measures the memory that the slots can use now. `None` if the system does not report it.
pub fn free_memory(slots: &[Slot]) -> Option<FreeMemory> {
    if slots.iter().all(|slot| slot.device == Device::Cpu) {
        return MemoryFiles::of_system().available().map(FreeMemory::Shared);
    }
    let nvml = dropped(Nvml::init(), "no GPU driver")?;
    let free = |slot: &Slot| match slot.device {
        Device::Cpu => MemoryFiles::of_system().available(),
        Device::Cuda(index) => {
            let told = nvml.device_by_index(index);
            let told = told.and_then(|device| device.memory_info());
            Some(dropped(told, "cannot read the free memory of a GPU")?.free)
        }
    };
    let each = slots.iter().map(free).collect::<Option<_>>();
    each.map(FreeMemory::Each)
}

/// Bytes that this user can still write to the file system of a folder. `None` if the system does
/// not report it.
pub(crate) fn free_disk(folder: &Path) -> Option<u64> {
    let found = dropped(statvfs(folder), "cannot read the free disk space")?;
    Some(found.blocks_available() * found.fragment_size())
}

/// Number of processes that the kernel has killed for lack of memory: in this process's control
/// group if it has a count, otherwise on the machine. `None` if the system does not report it.
pub(super) fn kills_for_memory() -> Option<u64> {
    MemoryFiles::of_system().kills()
}

/// Folders in which the kernel reports memory.
#[derive(Clone, Debug)]
struct MemoryFiles {
    /// `/proc`
    processes: PathBuf,
    /// `/sys/fs/cgroup`
    groups: PathBuf,
}

/// File names of one version of control groups.
#[derive(Clone, Copy, Debug)]
struct CgroupFiles {
    limit: &'static str,
    used: &'static str,
    /// Key in `memory.stat`: file pages that the kernel may drop, bytes.
    droppable: &'static str,
    /// File with a line `oom_kill N`.
    events: &'static str,
}

const FIRST: CgroupFiles = CgroupFiles {
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    droppable: "total_inactive_file",
    events: "memory.oom_control",
};

const SECOND: CgroupFiles = CgroupFiles {
    limit: "memory.max",
    used: "memory.current",
    droppable: "inactive_file",
    events: "memory.events",
};

impl MemoryFiles {
    fn of_system() -> Self {
        Self {
            processes: PathBuf::from("/proc"),
            groups: PathBuf::from("/sys/fs/cgroup"),
        }
    }

    /// Memory that is available without swapping, within the limits of all control groups, bytes.
    fn available(&self) -> Option<u64> {
        let machine =
            number_after(&self.processes.join("meminfo"), "MemAvailable:").map(|kib| kib * 1024);
        let limits = self
            .own_groups()
            .into_iter()
            .filter_map(|(group, names)| left_in(&group, names));
        machine.into_iter().chain(limits).min()
    }

    /// See [`kills_for_memory`].
    fn kills(&self) -> Option<u64> {
        let counted = |(group, names): &(PathBuf, CgroupFiles)| {
            number_after(&group.join(names.events), "oom_kill")
        };
        let own = self.own_groups().iter().find_map(counted);
        own.or_else(|| number_after(&self.processes.join("vmstat"), "oom_kill"))
    }

    /// Folders of this process's control group and of its ancestors, the innermost first.
    fn own_groups(&self) -> Vec<(PathBuf, CgroupFiles)> {
        let memberships = read(&self.processes.join("self/cgroup")).unwrap_or_default();
        let mut found = Vec::new();
        for line in memberships.lines() {
            // `hierarchy:controllers:path`. Version 2 has hierarchy 0 and no controllers.
            let mut parts = line.splitn(3, ':');
            let (Some(hierarchy), Some(controllers), Some(path)) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            let (root, names) = match controllers {
                "" if hierarchy == "0" => (self.groups.clone(), SECOND),
                list if list.split(',').any(|controller| controller == "memory") => {
                    (self.groups.join("memory"), FIRST)
                }
                _ => continue,
            };
            let inner = root.join(path.trim_start_matches('/'));
            let around = inner
                .ancestors()
                .take_while(|folder| folder.starts_with(&root));
            found.extend(around.map(|folder| (folder.to_owned(), names)));
        }
        found
    }
}

/// Memory left within a group's limit, bytes. `None` without a limit.
fn left_in(group: &Path, names: CgroupFiles) -> Option<u64> {
    let number = |name: &str| read(&group.join(name))?.trim().parse::<u64>().ok();
    // `max` means that there is no limit. It does not parse as a number.
    let (limit, used) = (number(names.limit)?, number(names.used)?);
    let droppable = number_after(&group.join("memory.stat"), names.droppable).unwrap_or(0);
    Some(limit.saturating_sub(used.saturating_sub(droppable)))
}

/// Reads a file of the system. `None` if it cannot be read.
fn read(path: &Path) -> Option<String> {
    dropped(fs::read_to_string(path), "cannot read a file of the system")
}

/// Number after a key at the beginning of a line.
fn number_after(path: &Path, key: &str) -> Option<u64> {
    let text = read(path)?;
    let mut lines = text.lines().map(str::split_whitespace);
    lines.find_map(|mut words| {
        words.next().filter(|word| *word == key)?;
        words.next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// Makes a system with the given files.
    fn system(files: &[(&str, &str)]) -> (TempDir, MemoryFiles) {
        let root = TempDir::new().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let files = MemoryFiles {
            processes: root.path().join("proc"),
            groups: root.path().join("groups"),
        };
        (root, files)
    }

    const MEMINFO: (&str, &str) = (
        "proc/meminfo",
        "MemTotal:  4000 kB\nMemFree:  100 kB\nMemAvailable:  3000 kB\n",
    );

    #[test]
    fn the_machine_is_the_limit_where_no_group_is() {
        let (_root, files) = system(&[
            MEMINFO,
            ("proc/self/cgroup", "0::/a.slice\n"),
            ("proc/vmstat", "oom_kill_other 9\noom_kill 2\n"),
            ("groups/a.slice/memory.max", "max\n"),
            ("groups/a.slice/memory.current", "5000\n"),
        ]);
        assert_eq!(
            (files.available(), files.kills()),
            (Some(3000 * 1024), Some(2))
        );
    }

    /// Version 2 of control groups. The parent group has the smaller limit, and its cached pages
    /// can be dropped.
    #[test]
    fn the_tightest_group_counts() {
        let (_root, files) = system(&[
            MEMINFO,
            ("proc/self/cgroup", "0::/outer/inner\n"),
            ("proc/vmstat", "oom_kill 7\n"),
            ("groups/outer/memory.max", "1000000\n"),
            ("groups/outer/memory.current", "500000\n"),
            (
                "groups/outer/memory.stat",
                "anon 300000\ninactive_file 200000\n",
            ),
            ("groups/outer/inner/memory.max", "2000000\n"),
            ("groups/outer/inner/memory.current", "100000\n"),
            (
                "groups/outer/inner/memory.events",
                "low 0\noom 4\noom_kill 3\n",
            ),
        ]);
        assert_eq!((files.available(), files.kills()), (Some(700_000), Some(3)));
    }

    /// Version 1 of control groups, in a container that sees its own group as the root.
    #[test]
    fn the_first_version_is_read_too() {
        let (_root, files) = system(&[
            MEMINFO,
            (
                "proc/self/cgroup",
                "5:devices:/x\n4:cpu,memory:/docker/abc\n0::/\n",
            ),
            ("groups/memory/memory.limit_in_bytes", "900000\n"),
            ("groups/memory/memory.usage_in_bytes", "1000000\n"),
            (
                "groups/memory/memory.stat",
                "inactive_file 1\ntotal_inactive_file 50000\n",
            ),
            (
                "groups/memory/memory.oom_control",
                "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
            ),
        ]);
        assert_eq!((files.available(), files.kills()), (Some(0), Some(1)));
    }

    #[test]
    fn a_system_that_says_nothing_is_not_guessed_at() {
        let (_root, files) = system(&[]);
        assert_eq!((files.available(), files.kills()), (None, None));
    }
}
