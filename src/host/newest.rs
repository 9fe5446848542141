//! Directories of small files that only help: kept from growing without end.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Removes the oldest files of a directory that has more than `most`, down to three quarters of that.
///
/// Nothing is told of what fails: the next run does it again.
pub(super) fn keep_newest(directory: &Path, most: usize) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    let files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    if files.len() <= most {
        return;
    }
    let time = |file: &Path| file.metadata().and_then(|it| it.modified()).ok();
    let mut files: Vec<(Option<SystemTime>, PathBuf)> =
        files.into_iter().map(|file| (time(&file), file)).collect();
    files.sort_unstable();
    let surplus = files.len() - most / 4 * 3;
    for (_, file) in &files[..surplus] {
        let _ = std::fs::remove_file(file);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_oldest_go_once_there_are_too_many() {
        let directory = tempfile::tempdir().unwrap();
        let place = |number: u64| directory.path().join(number.to_string());
        for number in 0..9 {
            let file = std::fs::File::create(place(number)).unwrap();
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1000 - number);
            file.set_modified(time).unwrap();
        }
        keep_newest(directory.path(), 9);
        assert!((0..9).all(|number| place(number).exists()));
        keep_newest(directory.path(), 8);
        let left: Vec<u64> = (0..9).filter(|number| place(*number).exists()).collect();
        assert_eq!(left, [0, 1, 2, 3, 4, 5]);
        keep_newest(&directory.path().join("nothing"), 0);
    }
}
