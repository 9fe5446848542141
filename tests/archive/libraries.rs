//! The cache of libraries beside ldconfig(8), over libraries of this machine.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use pkg::assemble::{Filling, write_loader_cache};
use pkg::host::Window;
use pkg::loader::SYSTEMS;
use pkg::rootfs::{Content, Extent, Kind, Node};

use super::run;

/// Larger ones are copied too slowly.
const LARGEST_BYTES: u64 = 2 << 20;

/// Lays out a root with libraries of this machine, as Debian has them, and some in other places.
fn lay_out(root: &Path) {
    let system = SYSTEMS
        .iter()
        .find(|system| Path::new(system.loader).exists())
        .expect("a machine with glibc");
    let triplet = system.triplet;
    let libraries = Path::new("/usr/lib").join(triplet);
    let own = root.join(libraries.strip_prefix("/").unwrap());
    for directory in ["etc/ld.so.conf.d", "usr/lib64", "opt/app/lib"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    let hwcaps = own.join("glibc-hwcaps");
    for level in ["x86-64-v2", "x86-64-v3"] {
        fs::create_dir_all(hwcaps.join(level)).unwrap();
    }
    symlink("usr/lib", root.join("lib")).unwrap();
    symlink("usr/lib64", root.join("lib64")).unwrap();
    let mut count = 0;
    for found in fs::read_dir(&libraries).unwrap() {
        let found = found.unwrap();
        let name = found.file_name().into_string().unwrap();
        let kind = found.file_type().unwrap();
        if kind.is_symlink() && found.path().exists() {
            let target = fs::read_link(found.path()).unwrap();
            let is_here = target.components().count() == 1;
            let is_small = fs::metadata(found.path()).unwrap().len() <= LARGEST_BYTES;
            // Without some links ldconfig has something to make.
            if is_here && is_small && !(count % 3 == 0 && name.contains(".so.")) {
                symlink(target, own.join(&name)).unwrap();
            }
        } else if kind.is_file()
            && name.contains(".so")
            && found.metadata().unwrap().len() <= LARGEST_BYTES
        {
            count += 1;
            fs::copy(found.path(), own.join(&name)).unwrap();
            if name.starts_with("libz") || name.starts_with("libg") {
                fs::copy(found.path(), root.join("opt/app/lib").join(&name)).unwrap();
                fs::copy(found.path(), hwcaps.join("x86-64-v3").join(&name)).unwrap();
            }
            if name.starts_with("libc") {
                fs::copy(found.path(), hwcaps.join("x86-64-v2").join(&name)).unwrap();
            }
        }
    }
    assert!(count > 20, "only {count} libraries are on this machine");
    let loader = system.loader.strip_prefix('/').unwrap();
    fs::copy(Path::new("/").join(loader), root.join(loader)).unwrap();
    fs::write(
        root.join("etc/ld.so.conf"),
        "include /etc/ld.so.conf.d/*.conf\n",
    )
    .unwrap();
    let conf = format!("# Multiarch support\n/usr/local/lib\n/lib/{triplet}\n/usr/lib/{triplet}\n");
    fs::write(root.join("etc/ld.so.conf.d/multiarch.conf"), conf).unwrap();
    fs::write(
        root.join("etc/ld.so.conf.d/app.conf"),
        "/opt/app/lib/ # own\n",
    )
    .unwrap();
}

/// Reads a root as an image in the making has it.
fn read(root: &Path) -> Filling {
    let mut filling = Filling::new(0);
    for found in walkdir::WalkDir::new(root).min_depth(1).sort_by_file_name() {
        let found = found.unwrap();
        let path = found.path().strip_prefix(root).unwrap().to_str().unwrap();
        let kind = if found.file_type().is_dir() {
            Kind::Directory
        } else if found.file_type().is_symlink() {
            let target = fs::read_link(found.path()).unwrap();
            Kind::Link(target.to_str().unwrap().into())
        } else if path.starts_with("etc/") {
            Kind::File(Content::Held(Arc::from(fs::read(found.path()).unwrap())))
        } else {
            let window = Window::of_file(fs::File::open(found.path()).unwrap()).unwrap();
            let size_bytes = window.size_bytes();
            Kind::File(Content::Stored(Extent {
                volume: filling.volumes.add(window),
                offset: 0,
                size_bytes,
            }))
        };
        let attributes = filling.attributes(0o755);
        filling.put(path, Node { kind, attributes }).unwrap();
    }
    filling
}

/// Gives the links of a root, with where they lead.
fn links(filling: &Filling) -> Vec<(String, String)> {
    let links = filling
        .tree
        .iter()
        .filter_map(|(path, node)| match &node.kind {
            Kind::Link(target) => Some((
                path.to_string(),
                String::from_utf8_lossy(target).into_owned(),
            )),
            _ => None,
        });
    links.collect()
}

fn ldconfig(root: &Path, more: &[&str]) -> String {
    // Who is not root becomes so in a name space.
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new("ldconfig")
    } else {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "ldconfig"]);
        command
    };
    let usual = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{usual}:/usr/sbin:/sbin"));
    let output = run(command.arg("-r").arg(root).args(more));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn cache_and_links_are_those_of_ldconfig() {
    let root = tempfile::tempdir().unwrap();
    lay_out(root.path());
    let mut made = read(root.path());
    ldconfig(root.path(), &[]);
    let said = ldconfig(root.path(), &["-p"]);
    let generator = said
        .lines()
        .find_map(|line| line.strip_prefix("Cache generated by: "));
    let before = links(&made);
    write_loader_cache(&mut made, generator.expect("a generator")).unwrap();
    let own = made.read("/etc/ld.so.cache").unwrap().expect("a cache");
    let theirs = fs::read(root.path().join("etc/ld.so.cache")).unwrap();
    if own != theirs {
        // What `ldconfig -p` shows tells more than bytes do.
        fs::write(root.path().join("etc/ld.so.cache"), &own).unwrap();
        let shown = ldconfig(root.path(), &["-p"]);
        let differ: Vec<_> = std::iter::zip(said.lines(), shown.lines())
            .filter(|(one, other)| one != other)
            .collect();
        panic!(
            "the bytes differ, and so do {:?} of {} lines",
            differ.iter().take(10).collect::<Vec<_>>(),
            said.lines().count()
        );
    }
    assert!(
        said.contains("x86-64-v3") || said.contains("hwcap"),
        "no library is for some processors alone"
    );
    assert_eq!(links(&made), links(&read(root.path())));
    assert_ne!(links(&made), before, "no link was missing");
}
