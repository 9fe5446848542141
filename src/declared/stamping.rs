//! Stamps in the labels and annotations of an `image.yaml`.
//!
//! ```yaml
//! vcs-url: https://git.example.org/app@{{ stamp.STABLE_GIT_COMMIT }}
//! annotations: {com.example.pipeline: "{{ stamp.CI_PIPELINE }}"}
//! ```
//!
//! Nothing else is stamped: of its files and packages an image is the same whoever makes it.

use super::image_file::ImageFile;
use crate::stamp::{StampError, Stamps, fill_stamps};

impl ImageFile {
    /// Puts values in the place of the stamps in labels and annotations, and notes what those count as.
    pub fn stamp(&mut self, stamps: &Stamps) -> Vec<StampError> {
        let mut used = Vec::new();
        let mut errors = Vec::new();
        let maps = [&mut self.runtime.labels, &mut self.annotations];
        for text in maps.into_iter().flat_map(|map| map.values_mut()) {
            match fill_stamps(text, stamps, |key| used.push(key.to_owned())) {
                Ok(filled) => *text = filled,
                // What is an annotation is a label too, and told once.
                Err(error) if errors.contains(&error) => {}
                Err(error) => errors.push(error),
            }
        }
        self.stamps = stamps.counted(used.iter().map(String::as_str));
        self.constants = stamps.constants(used.iter().map(String::as_str));
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declared::parse_image_file;
    use crate::stamp::{Constants, CountedStamps, parse_status};

    fn stamped(text: &str) -> Result<ImageFile, Vec<StampError>> {
        let read = parse_image_file(text, &mut |_, _| panic!("nothing is included"));
        let mut file = read.expect("an image file");
        let constants = [("STABLE_COMMIT", "none"), ("BRANCH", "local")];
        let stamps = Stamps::new(constants.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let status = parse_status("STABLE_COMMIT 4f2a\nBRANCH main\n").expect("a status");
        let errors = file.stamp(&stamps.with(&status));
        if errors.is_empty() {
            Ok(file)
        } else {
            Err(errors)
        }
    }

    #[test]
    fn labels_and_annotations_are_stamped_and_what_counts_is_noted() {
        let text = "paths: [{path: /a, type: directory}]\n\
                    vcs-url: https://git.example.org/a@{{ stamp.STABLE_COMMIT }}\n\
                    annotations: {branch: '{{ stamp.BRANCH }}', other: '{{ x }}'}\n\
                    labels: {both: '{{stamp.BRANCH}} at {{stamp.BUILD_TIMESTAMP}}'}\n\
                    environment: {A: '{{ stamp.BRANCH }}'}\n";
        let file = stamped(text).expect("a stamped file");
        let labels = &file.runtime.labels;
        assert_eq!(labels["org.opencontainers.image.revision"], "4f2a");
        assert_eq!(labels["branch"], "main");
        assert_eq!(labels["both"], "main at 0");
        assert_eq!(file.annotations["branch"], "main");
        assert_eq!(file.annotations["other"], "{{ x }}");
        assert_eq!(file.runtime.environment["A"], "{{ stamp.BRANCH }}");
        let counted = [("STABLE_COMMIT".to_owned(), "4f2a".to_owned())];
        assert_eq!(file.stamps, CountedStamps::from(counted));
        let constants = [("BRANCH", "local"), ("BUILD_TIMESTAMP", "0")];
        let constants = constants.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(file.constants, Constants::from(constants));
        assert_eq!(file.texts, [text]);
    }

    #[test]
    fn what_is_an_annotation_and_a_label_is_told_once() {
        let text = "paths: [{path: /a, type: directory}]\nannotations: {a: '{{ stamp.X }}'}\nlabels: {b: '{{ stamp.Y }}'}\n";
        let errors = stamped(text).expect_err("unknown keys");
        let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(told, ["`stamp.X` has no value", "`stamp.Y` has no value"]);
    }
}
