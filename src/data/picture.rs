//! Single pictures to look through a network with: the cat that is built in, or a PNG or JPEG file.

use std::io::{BufRead, BufReader, Cursor, Seek};
use std::path::Path;

use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageDecoder as _, ImageReader, Limits, Luma, Rgb};
use ndarray::Array3;

use super::error::{DataError, FileProblem};
use super::file;

/// What the built-in picture is called.
const CAT: &str = "cat";
const CAT_PNG: &[u8] = include_bytes!("../../assets/data/cat/cat.png");
/// Million pixels; what cameras make fits well.
const MOST_MEGAPIXELS: u64 = 100;
/// Million pixels that are brought to their size in full precision; larger pictures are halved first, in bytes.
const MOST_EXACT_MEGAPIXELS: u64 = 8;
const LONGEST_NAME: usize = 32;

/// The picture from 0 to 1, (channels, height, width): the largest part around its centre that has the shape of `size`,
/// brought to that size, in red, green and blue for three channels and in grey for any other number, each of which is the
/// same. `cat` is built in, anything else the path of a PNG or JPEG file.
pub fn load(name_or_path: &str, size: [usize; 3]) -> Result<Array3<f32>, DataError> {
    let picture = match name_or_path {
        CAT => decode(Cursor::new(CAT_PNG)).map(|picture| fit(picture, size)),
        path => read(Path::new(path), "probe.pictures", size),
    };
    picture.map_err(|problem| problem.of(name_or_path))
}

/// The same of a file, which the recipe names under `key`.
pub(super) fn read(path: &Path, key: &'static str, size: [usize; 3]) -> Result<Array3<f32>, FileProblem> {
    let (file, _) = file::open(path, key)?;
    Ok(fit(decode(BufReader::new(file))?, size))
}

/// Rows, columns, and whether there is any colour, of a picture in a file.
pub(super) fn describe(path: &Path) -> Result<([usize; 2], bool), FileProblem> {
    let (file, _) = file::open(path, "data.path")?;
    let picture = decode(BufReader::new(file))?;
    let is_grey = |pixel: &Rgb<u8>| pixel.0[0] == pixel.0[1] && pixel.0[1] == pixel.0[2];
    let coloured = picture.color().has_color() && !picture.to_rgb8().pixels().all(is_grey);
    Ok(([picture.height() as usize, picture.width() as usize], coloured))
}

/// What the picture is called in tags: `cat`, or its file's name without the ending, in a-z, 0-9, `_` and `-`.
pub fn name(name_or_path: &str) -> String {
    let stem = Path::new(name_or_path).file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = stem.chars().take(LONGEST_NAME).map(plain).collect();
    if name.is_empty() { "picture".to_owned() } else { name }
}

/// The picture the right way up, as the camera noted it.
fn decode(bytes: impl BufRead + Seek) -> Result<DynamicImage, FileProblem> {
    let damaged = |error: image::ImageError| FileProblem::NotPicture(error.to_string());
    let mut reader =
        ImageReader::new(bytes).with_guessed_format().map_err(|error| FileProblem::Unreadable(error.to_string()))?;
    let mut limits = Limits::default();
    // Four channels of 16 bits, the largest that PNG has.
    limits.max_alloc = Some(MOST_MEGAPIXELS * 1_000_000 * 8);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_MEGAPIXELS * 1_000_000 {
        return Err(FileProblem::TooLarge { width, height, most: MOST_MEGAPIXELS });
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn fit(mut picture: DynamicImage, [channels, height, width]: [usize; 3]) -> Array3<f32> {
    let [left, top, columns, rows] = centre([picture.width(), picture.height()], [width as u64, height as u64]);
    if [left, top, columns, rows] != [0, 0, picture.width(), picture.height()] {
        picture = picture.crop_imm(left, top, columns, rows);
    }
    // In full precision a pixel takes 16 bytes.
    while u64::from(picture.width()) * u64::from(picture.height()) > MOST_EXACT_MEGAPIXELS * 1_000_000 {
        let half = |side: u32, wanted: usize| (side / 2).max(wanted as u32).max(1);
        let (wide, high) = (half(picture.width(), width), half(picture.height(), height));
        if (wide, high) == (picture.width(), picture.height()) {
            break;
        }
        picture = picture.thumbnail_exact(wide, high);
    }
    let (wide, high) = (width as u32, height as u32);
    let clamped = |value: f32| value.clamp(0.0, 1.0);
    if channels == 3 {
        let small = imageops::resize(&coloured(&picture), wide, high, FilterType::Triangle);
        Array3::from_shape_fn((3, height, width), |(channel, row, column)| {
            clamped(small.get_pixel(column as u32, row as u32).0[channel])
        })
    } else {
        let small = imageops::resize(&grey(&picture), wide, high, FilterType::Triangle);
        Array3::from_shape_fn((channels, height, width), |(_, row, column)| {
            clamped(small.get_pixel(column as u32, row as u32).0[0])
        })
    }
}

/// Left, top, columns and rows of the largest part in the middle that has the shape of `wanted`; all are (x, y).
fn centre([width, height]: [u32; 2], [columns, rows]: [u64; 2]) -> [u32; 4] {
    let (wide, high) = (u64::from(width), u64::from(height));
    // Rounded, and at most the picture: the other side decides.
    let scaled = |length: u64, by: u64, of: u64| ((length * by + of / 2) / of).max(1) as u32;
    let (part_width, part_height) = if wide * rows > high * columns {
        (scaled(high, columns, rows).min(width), height)
    } else {
        (width, scaled(wide, rows, columns).min(height))
    };
    [(width - part_width) / 2, (height - part_height) / 2, part_width, part_height]
}

/// The luma of Rec. 601, as PIL's "L" and most libraries for neural networks have it, before black.
fn grey(picture: &DynamicImage) -> ImageBuffer<Luma<f32>, Vec<f32>> {
    let colours = picture.to_rgba32f();
    ImageBuffer::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, opacity] = colours.get_pixel(x, y).0;
        Luma([(0.299 * red + 0.587 * green + 0.114 * blue) * opacity])
    })
}

/// Red, green and blue before black.
fn coloured(picture: &DynamicImage) -> ImageBuffer<Rgb<f32>, Vec<f32>> {
    let colours = picture.to_rgba32f();
    ImageBuffer::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, opacity] = colours.get_pixel(x, y).0;
        Rgb([red, green, blue].map(|colour| colour * opacity))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::{ImageFormat, RgbImage};
    use proptest::prelude::*;

    use super::*;

    fn encoded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// 6x4, the middle four columns green, the outer ones red.
    fn flag() -> RgbImage {
        RgbImage::from_fn(6, 4, |x, _| if (1..5).contains(&x) { Rgb([0, 255, 0]) } else { Rgb([255, 0, 0]) })
    }

    #[test]
    fn the_cat_is_built_in() {
        let cat = load("cat", [1, 28, 28]).unwrap();
        assert_eq!(cat.dim(), (1, 28, 28));
        assert!(cat.iter().all(|pixel| (0.0..=1.0).contains(pixel)));
        let (low, high) = cat.iter().fold((1.0_f32, 0.0_f32), |(low, high), pixel| (low.min(*pixel), high.max(*pixel)));
        assert!(low < 0.2 && high > 0.6, "a picture with light and shade: {low} to {high}");
        // The mean is that of the large picture: what is made smaller is averaged, not picked out.
        let large = load("cat", [1, 224, 224]).unwrap();
        assert!((cat.mean().unwrap() - large.mean().unwrap()).abs() < 0.005);
    }

    #[test]
    fn the_middle_is_cut_out_and_turned_to_grey() {
        let folder = tempfile::tempdir().unwrap();
        for (format, near) in [(ImageFormat::Png, 1e-6), (ImageFormat::Jpeg, 0.02)] {
            let path = folder.path().join("flag");
            fs::write(&path, encoded(&flag(), format)).unwrap();
            let square = load(path.to_str().unwrap(), [1, 2, 2]).unwrap();
            assert!(square.iter().all(|pixel| (pixel - 0.587).abs() < near), "{format:?}: {square}");
        }
        let path = folder.path().join("flag.png");
        fs::write(&path, encoded(&flag(), ImageFormat::Png)).unwrap();
        let whole = load(path.to_str().unwrap(), [1, 4, 6]).unwrap();
        assert!((whole[[0, 0, 0]] - 0.299).abs() < 1e-6 && (whole[[0, 3, 2]] - 0.587).abs() < 1e-6);
    }

    #[test]
    fn three_channels_are_red_green_and_blue() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flag.png");
        fs::write(&path, encoded(&flag(), ImageFormat::Png)).unwrap();
        let whole = load(path.to_str().unwrap(), [3, 4, 6]).unwrap();
        let at = |row: usize, column: usize| [0, 1, 2].map(|channel| whole[[channel, row, column]]);
        assert_eq!([at(0, 0), at(3, 2)], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]);
        assert_eq!(describe(&path).unwrap(), ([4, 6], true));
        let two = load(path.to_str().unwrap(), [2, 4, 6]).unwrap();
        assert_eq!((two.dim(), two[[0, 0, 0]]), ((2, 4, 6), two[[1, 0, 0]]), "any other number: grey in each");
        let cat = load("cat", [3, 28, 28]).unwrap();
        let differs = (0..28).any(|at| cat[[0, at, at]] != cat[[2, at, at]]);
        assert!(differs, "the cat has a colour");
    }

    /// What a camera makes is brought to its size as a small picture is.
    #[test]
    fn large_pictures_are_averaged_too() {
        let large =
            RgbImage::from_fn(4_000, 3_000, |x, _| if x % 2 == 0 { Rgb([255, 0, 100]) } else { Rgb([1, 0, 100]) });
        let small = fit(DynamicImage::ImageRgb8(large), [3, 6, 8]);
        let near = |channel: usize, wanted: f32| {
            small.index_axis(ndarray::Axis(0), channel).iter().all(|pixel| (pixel - wanted).abs() < 0.01)
        };
        assert!(near(0, 128.0 / 255.0) && near(1, 0.0) && near(2, 100.0 / 255.0), "{small}");
    }

    #[test]
    fn parts_lie_within_the_picture() {
        assert_eq!(centre([451, 300], [28, 28]), [75, 0, 300, 300]);
        assert_eq!(centre([300, 451], [28, 28]), [0, 75, 300, 300]);
        assert_eq!(centre([100, 100], [10, 20]), [25, 0, 50, 100]);
        assert_eq!(centre([1, 1000], [4096, 1]), [0, 499, 1, 1]);
    }

    #[test]
    fn what_is_no_picture_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let shown = |name: &str| load(&at(name), [1, 8, 8]).unwrap_err().to_string();
        assert_eq!(
            shown("x.png"),
            format!("`{}` does not exist; put the file there, or let `probe.pictures` name where it is", at("x.png"))
        );
        fs::write(at("text.png"), "just words").unwrap();
        assert!(shown("text.png").contains("text.png` is no picture that can be read here ("), "{}", shown("text.png"));
        fs::write(at("cut.png"), &CAT_PNG[..CAT_PNG.len() / 2]).unwrap();
        assert!(shown("cut.png").contains("give a PNG or JPEG file"));
        // A gif is a picture, but not one that is read.
        fs::write(at("a.gif"), b"GIF89a\x01\x00\x01\x00\x00\x00\x00;").unwrap();
        assert!(shown("a.gif").contains("give a PNG or JPEG file"), "{}", shown("a.gif"));
        assert!(
            load(folder.path().to_str().unwrap(), [1, 8, 8]).unwrap_err().to_string().contains("not a regular file")
        );
        assert!(load("", [1, 8, 8]).is_err());
    }

    /// A header may claim any size; nothing is allocated for it.
    #[test]
    fn huge_pictures_are_refused() {
        let mut bytes = encoded(&flag(), ImageFormat::Png);
        bytes[16..20].copy_from_slice(&40_000_u32.to_be_bytes());
        bytes[20..24].copy_from_slice(&40_000_u32.to_be_bytes());
        let checksum = crc32(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
        let problem = decode(Cursor::new(bytes)).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "is 40000x40000 pixels, more than the 100 million that are read; scale it down"
        );
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum()
    }

    #[test]
    fn names_are_fit_for_tags() {
        for (given, expected) in [
            ("cat", "cat"),
            ("pictures/My Cat (2).JPG", "my_cat__2_"),
            ("/a/b/über.png", "_ber"),
            ("a.b.png", "a_b"),
            ("..", "picture"),
            ("", "picture"),
        ] {
            assert_eq!(name(given), expected);
        }
        assert_eq!(name(&"x".repeat(500)).len(), LONGEST_NAME);
    }

    proptest! {
        #[test]
        fn damaged_pictures_never_panic(jpeg in any::<bool>(), at in any::<u16>(), with in any::<u8>(), cut in any::<u16>()) {
            let mut bytes = encoded(&flag(), if jpeg { ImageFormat::Jpeg } else { ImageFormat::Png });
            let at = usize::from(at) % bytes.len();
            bytes[at] ^= with;
            bytes.truncate(usize::from(cut) % (2 * bytes.len()));
            if let Ok(picture) = decode(Cursor::new(bytes)) {
                prop_assert_eq!(fit(picture, [3, 3, 5]).dim(), (3, 3, 5));
            }
        }
    }
}
