//! Writes a root file system as the tars of its layers: all in one, or spread as the declaration says.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::filling::Filling;
use super::installed::{Installed, Packed};
use super::parts::{Parts, group_packages};
use super::rootfs::layer_path;
use crate::declared::Layering;
use crate::host::fs::FileError;
use crate::rootfs::{Extent, RootPath, write_tar};

/// So many sources of a layer are named in the image's history.
const MOST_NAMED: usize = 3;

/// Writes the layers below `scratch`, and gives what the history of the image has of each.
pub(super) fn write_layers(
    filling: &Filling,
    packed: &Packed,
    (layering, made_by): (Layering, &str),
    scratch: &Path,
) -> Result<Vec<String>, FileError> {
    let fetch = |extent: &Extent, out: &mut dyn Write| filling.volumes.copy(extent, out);
    let one = || {
        let write = |out: &mut dyn Write| write_tar(&filling.tree, &RootPath::root(), out, &fetch);
        write_file(&layer_path(scratch, 0), write)?;
        Ok(vec![made_by.to_owned()])
    };
    let Layering::Origin { budget } = layering else {
        return one();
    };
    let budget = usize::try_from(budget).unwrap_or(usize::MAX);
    let groups = group_packages(&packed.installed, budget);
    let owners = packed.owners_in(&filling.tree);
    let parts = Parts::new(&filling.tree, &owners, &groups);
    if parts.groups().len() < 2 {
        return one();
    }
    let layers = parts.groups().iter().enumerate().map(|(number, group)| {
        let write = |out: &mut dyn Write| parts.write(number, out, &fetch);
        write_file(&layer_path(scratch, number), write)?;
        Ok(match group {
            Some(group) => name_layer(made_by, &packed.installed, &groups[*group]),
            None => "pkg: what belongs to no package".to_owned(),
        })
    });
    layers.collect()
}

fn write_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileError> {
    let failed = |source| FileError::new("write", path, source);
    let file = File::create(path).map_err(failed)?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    write(&mut out).map_err(failed)?;
    out.flush().map_err(failed)
}

/// Names the sources of a layer: `pkg: packages of Debian (glibc, openssl)`.
fn name_layer(made_by: &str, installed: &[Installed], group: &[usize]) -> String {
    let origins = group.iter().map(|place| installed[*place].origin.as_str());
    let mut origins: Vec<&str> = origins.collect();
    origins.sort_unstable();
    origins.dedup();
    let others = origins.len().saturating_sub(MOST_NAMED);
    origins.truncate(MOST_NAMED);
    let named = origins.join(", ");
    match others {
        0 => format!("{made_by} ({named})"),
        others => format!("{made_by} ({named} and {others} more)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_named_by_the_sources_of_its_packages() {
        let package = |origin: &str| Installed {
            origin: origin.to_owned(),
            ..Installed::default()
        };
        let installed = ["b", "a", "b", "c", "d", "e"].map(package);
        for (group, expected) in [
            (&[0, 1, 2][..], "pkg (a, b)"),
            (&[0, 1, 2, 3, 4, 5], "pkg (a, b, c and 2 more)"),
        ] {
            assert_eq!(name_layer("pkg", &installed, group), expected);
        }
    }
}
