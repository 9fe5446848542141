//! What a package says of itself: the files of `control.tar` (deb-control(5), deb-md5sums(5), deb-conffiles(5),
//! deb-triggers(5)).

use std::collections::BTreeMap;

use super::DebError;
use crate::debian::packages::Package;
use crate::debian::relations::is_package_name;
use crate::debian::stanza::{StanzaField, Stanzas, find_field};
use crate::rootfs::RootPath;

/// The files of `control.tar`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebControl {
    /// The file `control`, one paragraph.
    text: String,
    name: String,
    version: String,
    architecture: String,
    members: BTreeMap<String, Vec<u8>>,
}

/// The programs that dpkg runs, and the one that debconf does.
pub const SCRIPTS: [&str; 5] = ["preinst", "postinst", "prerm", "postrm", "config"];

/// A file that its administrator may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// Where it is.
    pub path: RootPath,
    /// Whether an upgrade removes it.
    pub is_removed_on_upgrade: bool,
}

/// The MD5 of a file, as dpkg keeps it to notice damage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Md5Sum {
    /// Where the file is.
    pub path: RootPath,
    /// 32 lower-case hex digits.
    pub hash: String,
}

impl DebControl {
    pub(super) fn new(members: BTreeMap<String, Vec<u8>>) -> Result<Self, DebError> {
        let text = members.get("control").ok_or(DebError::NoControl)?;
        let text = String::from_utf8(text.clone()).map_err(|_| DebError::Utf8("control"))?;
        let mut fields = Vec::new();
        let mut stanzas = Stanzas::new(&text);
        let is_one = stanzas.read_next(&mut fields)?.is_some()
            && stanzas.read_next(&mut Vec::new())?.is_none();
        if !is_one {
            return Err(DebError::Paragraphs);
        }
        let value = |name| {
            let found = find_field(&fields, name).map(|field| field.value.to_owned());
            found
                .filter(|value| !value.is_empty())
                .ok_or(DebError::Field(name))
        };
        let name = value("Package")?;
        if !is_package_name(&name) {
            return Err(DebError::Field("Package"));
        }
        Ok(Self {
            name,
            version: value("Version")?,
            architecture: value("Architecture")?,
            text,
            members,
        })
    }

    /// Gives its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives its version as written.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Gives its architecture, or `all`.
    #[must_use]
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// Gives the file `control`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Gives the fields of the file `control` in their order.
    #[must_use]
    pub fn fields(&self) -> Vec<StanzaField<'_>> {
        let mut fields = Vec::new();
        // It was read once already.
        let _ = Stanzas::new(&self.text).read_next(&mut fields);
        fields
    }

    /// Finds a field of the file `control`.
    #[must_use]
    pub fn find(&self, field: &str) -> Option<&str> {
        find_field(&self.fields(), field).map(|field| field.value)
    }

    /// Gives all files by their names, as `postinst`, `templates`, `shlibs`.
    pub fn members(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let members = self.members.iter();
        members.map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// Finds a file.
    #[must_use]
    pub fn find_member(&self, name: &str) -> Option<&[u8]> {
        self.members.get(name).map(Vec::as_slice)
    }

    /// Gives the scripts that it has, by the names in [`SCRIPTS`].
    pub fn scripts(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        SCRIPTS
            .into_iter()
            .filter_map(|name| Some((name, self.find_member(name)?)))
    }

    /// Reads the list of configuration files.
    pub fn config_files(&self) -> Result<Vec<ConfigFile>, DebError> {
        let refused = |line| DebError::Line {
            member: "conffiles",
            line,
            expected: "an absolute path is expected, perhaps with `remove-on-upgrade` before it",
        };
        self.read_lines("conffiles", |number, line| {
            let (flag, path) = match line.strip_prefix("remove-on-upgrade ") {
                Some(path) => (true, path.trim()),
                None => (false, line),
            };
            if !path.starts_with('/') {
                return Err(refused(number));
            }
            Ok(ConfigFile {
                path: RootPath::parse(path.as_bytes()).map_err(|_| refused(number))?,
                is_removed_on_upgrade: flag,
            })
        })
    }

    /// Reads the list of hashes.
    pub fn md5_sums(&self) -> Result<Vec<Md5Sum>, DebError> {
        let refused = |line| DebError::Line {
            member: "md5sums",
            line,
            expected: "32 hex digits, two blanks and a path are expected",
        };
        self.read_lines("md5sums", |number, line| {
            let (hash, path) = line.split_once("  ").ok_or_else(|| refused(number))?;
            let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            if hash.len() != 32 || !hash.bytes().all(is_hex) {
                return Err(refused(number));
            }
            Ok(Md5Sum {
                path: RootPath::parse(path.as_bytes()).map_err(|_| refused(number))?,
                hash: hash.to_owned(),
            })
        })
    }

    /// Reads the list of triggers: directives with what they are about, `interest-noawait /usr/share/fonts`.
    pub fn triggers(&self) -> Result<Vec<(String, String)>, DebError> {
        let lines = self.read_lines("triggers", |number, line| {
            if line.starts_with('#') {
                return Ok(None);
            }
            let parts = line.split_once([' ', '\t']).ok_or(DebError::Line {
                member: "triggers",
                line: number,
                expected: "a directive and a trigger are expected",
            })?;
            Ok(Some((parts.0.to_owned(), parts.1.trim().to_owned())))
        })?;
        Ok(lines.into_iter().flatten().collect())
    }

    /// Checks that it is what an index calls so.
    pub fn check_is(&self, package: &Package<'_>) -> Result<(), DebError> {
        let found = (self.name(), self.version(), self.architecture());
        let expected = (package.name, package.version, package.architecture);
        if found == expected {
            return Ok(());
        }
        let show = |(name, version, architecture)| format!("{name} {version} {architecture}");
        Err(DebError::Other {
            expected: show(expected),
            found: show(found),
        })
    }

    fn read_lines<T>(
        &self,
        member: &'static str,
        read: impl Fn(usize, &str) -> Result<T, DebError>,
    ) -> Result<Vec<T>, DebError> {
        let bytes = self.find_member(member).unwrap_or_default();
        let text = std::str::from_utf8(bytes).map_err(|_| DebError::Utf8(member))?;
        let lines = text.lines().map(str::trim_end).enumerate();
        let lines = lines.filter(|(_, line)| !line.is_empty());
        lines.map(|(index, line)| read(index + 1, line)).collect()
    }
}
