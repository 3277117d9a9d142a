//! What can be wrong with data, with the file, the class or the setting at fault.

use std::path::PathBuf;

/// Every error of this crate: a sentence that says what is wrong, where, and what would be right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file or folder that cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Neither the name of a data set nor a folder that exists.
    #[error("there is no data set and no folder `{name}`; give the path of a folder, or one of the names {known}")]
    UnknownSource {
        /// What was asked for.
        name: String,
        /// The names there are, joined by commas.
        known: String,
    },
    /// A named data set that is not on this machine.
    #[error("the data set `{name}` is not on this machine (looked in {looked}); {how}")]
    NotHere {
        /// The data set.
        name: &'static str,
        /// The folders that were looked in, joined by commas.
        looked: String,
        /// How to get it.
        how: String,
    },
    /// A named data set of which only a part is there.
    #[error(
        "{path} holds {found} {split} images, but the data set `{name}` has {expected}; \
         complete it, or give the folder's path instead of the name to use what is there",
        path = path.display()
    )]
    Partial {
        /// The data set.
        name: &'static str,
        /// Its folder.
        path: PathBuf,
        /// "training" or "test".
        split: &'static str,
        /// How many images the set has.
        expected: usize,
        /// How many are there.
        found: usize,
    },
    /// A folder in none of the known layouts.
    #[error("{path}: {reason}", path = path.display())]
    Layout {
        /// The folder.
        path: PathBuf,
        /// What was looked for and what would be right.
        reason: String,
    },
    /// A file that should be in the folder and is not.
    #[error("{folder} has no file `{file}`, which belongs to {layout}", folder = folder.display())]
    MissingFile {
        /// The folder.
        folder: PathBuf,
        /// The file's usual name.
        file: String,
        /// The layout that the other files show.
        layout: &'static str,
    },
    /// A file that is not of the format its name promises.
    #[error("{path}: expected {expected}, found {found}", path = path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A file that ends too early.
    #[error("{path} is cut short: expected {expected}, found {found}; copy or download it again", path = path.display())]
    CutShort {
        /// The file.
        path: PathBuf,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// An image file and a label file that do not belong together.
    #[error(
        "{images} holds {image_count} images, but {labels} {label_count} labels; they must be as many",
        images = images.display(), labels = labels.display()
    )]
    CountMismatch {
        /// The image file.
        images: PathBuf,
        /// Its number of images.
        image_count: usize,
        /// The label file.
        labels: PathBuf,
        /// Its number of labels.
        label_count: usize,
    },
    /// A label that is no class.
    #[error("{path}: label {label} of image {position} is out of range; expected 0 to {last}", path = path.display())]
    Label {
        /// The file.
        path: PathBuf,
        /// The image's number in the file, from 0.
        position: usize,
        /// The label found.
        label: u32,
        /// The last class.
        last: usize,
    },
    /// A file in a class folder that is no image, or a broken one.
    #[error("{path} cannot be read as an image ({reason}); remove or repair it", path = path.display())]
    NotAnImage {
        /// The file.
        path: PathBuf,
        /// The decoder's reason.
        reason: String,
    },
    /// An image of another size than the others.
    #[error(
        "{path} is {height}x{width} pixels (height x width), while most images are {usual_height}x{usual_width}; \
         set a `size` to have all images brought to one size, or an `image_size` for large pictures",
        path = path.display()
    )]
    MixedSizes {
        /// The file.
        path: PathBuf,
        /// Its rows.
        height: usize,
        /// Its columns.
        width: usize,
        /// The rows of most images.
        usual_height: usize,
        /// The columns of most images.
        usual_width: usize,
    },
    /// An image of another colour mode than the others.
    #[error(
        "{path} is {found} ({height}x{width}), while most images are {usual}; \
         set `colour` to grey or rgb to have all images brought to one mode",
        path = path.display()
    )]
    MixedColours {
        /// The file.
        path: PathBuf,
        /// Its rows.
        height: usize,
        /// Its columns.
        width: usize,
        /// Its colour mode.
        found: String,
        /// The colour mode of most images.
        usual: String,
    },
    /// An image with transparent pixels, and nothing that says what lies behind them.
    #[error("{path} has transparent pixels; set `colour` to grey or rgb to have them laid over black", path = path.display())]
    Transparent {
        /// The file.
        path: PathBuf,
    },
    /// Images too small to train on.
    #[error("{path}: images of {height}x{width} pixels are too small; each side needs at least {least}", path = path.display())]
    TooSmall {
        /// The file, or the data set.
        path: PathBuf,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// The smallest side that is accepted.
        least: usize,
    },
    /// Fewer than two classes.
    #[error("{path} has one class only, `{class}`; there must be at least two to tell apart", path = path.display())]
    OneClass {
        /// The folder.
        path: PathBuf,
        /// The one class.
        class: String,
    },
    /// A class folder without an image.
    #[error("{path} is a class folder without an image; fill it or remove it", path = path.display())]
    EmptyClass {
        /// The folder.
        path: PathBuf,
    },
    /// A class that is in one split only.
    #[error("the class `{class}` is in {present} but not in {missing}; both need the same classes",
        present = present.display(), missing = missing.display())]
    ClassesDiffer {
        /// The class.
        class: String,
        /// The split that has it.
        present: PathBuf,
        /// The split that lacks it.
        missing: PathBuf,
    },
    /// A class without a training image.
    #[error("`{set}` has no training image of class `{class}`")]
    MissingClass {
        /// The data set.
        set: String,
        /// The class.
        class: String,
    },
    /// A class with too few images to be in both parts of a split.
    #[error("class `{class}` has {images} image(s); a split needs at least two, to put one in each part")]
    SplitClass {
        /// The class.
        class: String,
        /// Its images.
        images: usize,
    },
    /// A setting that is impossible.
    #[error("`{setting}` = {value}: {reason}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// Nothing to read batches or statistics from.
    #[error("there is no image to {purpose}")]
    Empty {
        /// What the images were wanted for.
        purpose: &'static str,
    },
    /// The thread that prepares batches could not start, or ended before its last batch.
    #[error("the thread that prepares batches {reason}")]
    Worker {
        /// What became of it.
        reason: String,
    },
    /// A tensor could not be made, for want of memory on its device, say.
    #[error("cannot make the tensors of a batch: {0}")]
    Tensor(#[from] candle_core::Error),
}
