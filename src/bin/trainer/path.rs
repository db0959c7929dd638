//! Where training has been: the parameters at the ends of epochs, thinned evenly within bounds of number and memory.

use ndarray::{Array2, ArrayView2};
use tch::{Device, Kind, TchError, Tensor};

use crate::checkpoint::{PathState, RestoreError, Source, Tensors};

/// Points of a path at most, the present one included.
pub(crate) const MOST_POINTS: usize = 256;
/// Bytes that all snapshots may take. All of them go into a checkpoint: a path that were thinned there would be another one
/// after a restart.
pub(crate) const MOST_BYTES: usize = 32 << 20;
/// Where fewer snapshots than this fit, only their shadows on two directions are kept.
const FEWEST: usize = 16;

/// A point of the path, as far as it is known without its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Station {
    pub(crate) step: u64,
    /// Passes over the data, with the share of the one under way.
    pub(crate) epoch: f64,
    /// What the session's evaluation gave there.
    pub(crate) loss: f64,
}

/// The path of one run. Everything in it is on the CPU, in the kind of the parameters.
pub(crate) struct Path {
    /// All parameters at the first station, one after the other, shape (parameters). Snapshots are kept as
    /// differences from it: a path is short beside its distance from the origin, which would cost its digits.
    start: Tensor,
    stations: Vec<Station>,
    /// Epochs from one station to the next.
    every: u64,
    /// Stations at most.
    most: usize,
    kept: Kept,
}

/// What is kept of each station.
enum Kept {
    Snapshots {
        /// Differences from the start, shape (most + 1, parameters); the row behind the last station's is scratch.
        rows: Tensor,
        /// Products of every two of `rows`. Kept, because all of them at once would hold training up.
        gram: Array2<f64>,
    },
    Shadows {
        /// Two directions, shape (2, parameters).
        directions: Tensor,
        /// Products of the difference from the start with the two.
        products: Vec<[f64; 2]>,
    },
}

/// A whole path for one look: its stations, then the present if that is none.
pub(crate) struct Trail<'a> {
    pub(crate) stations: Vec<Station>,
    /// What the rows are differences from, shape (parameters).
    pub(crate) start: &'a Tensor,
    /// Shape (stations, parameters).
    pub(crate) rows: Tensor,
    /// Shape (stations, stations): products of every two rows.
    pub(crate) gram: ArrayView2<'a, f64>,
}

/// What is left of a path that is too large to keep.
pub(crate) struct Shadows<'a> {
    /// Shape (parameters).
    pub(crate) start: &'a Tensor,
    /// Shape (2, parameters).
    pub(crate) directions: &'a Tensor,
    /// For each station the products of its difference from the start with the two.
    pub(crate) products: Vec<(Station, [f64; 2])>,
}

impl Path {
    /// Begins at `station` with the parameters `start`, and keeps snapshots of `bytes` in all at most. `directions`
    /// gives the two that shadows fall on, shape (2, parameters), should the network be too large for snapshots.
    pub(crate) fn new(
        bytes: usize,
        station: Station,
        start: Tensor,
        directions: impl FnOnce(&Tensor) -> Result<Tensor, TchError>,
    ) -> Result<Self, TchError> {
        let fit = bytes / (start.numel() * start.f_kind()?.elt_size_in_bytes()).max(1);
        // One row is scratch, and the present is a point as well.
        let most = fit.min(MOST_POINTS).saturating_sub(1);
        let (kept, most) = if fit < FEWEST {
            let kept = Kept::Shadows { directions: directions(&start)?, products: vec![[0.0; 2]] };
            (kept, MOST_POINTS - 1)
        } else {
            // Memory that nothing was written to yet takes no room.
            let size = [most as i64 + 1, start.numel() as i64];
            let rows = Tensor::f_empty(size, (start.f_kind()?, Device::Cpu))?;
            rows.f_narrow(0, 0, 1)?.f_copy_(&start.f_zeros_like()?)?;
            (Kept::Snapshots { rows, gram: Array2::zeros([most + 1; 2]) }, most)
        };
        Ok(Self { start, stations: vec![station], every: 1, most, kept })
    }

    /// Whether `step` is a station's.
    pub(crate) fn holds(&self, step: u64) -> bool {
        self.stations.binary_search_by_key(&step, |station| station.step).is_ok()
    }

    /// Whether all of each station is kept, and not only its shadow.
    pub(crate) fn has_snapshots(&self) -> bool {
        matches!(self.kept, Kept::Snapshots { .. })
    }

    /// Remembers the `parameters` at `station`, the end of an epoch, should it be one that is kept: most are not asked
    /// for where epochs are many. What is not finite is no place to be at.
    pub(crate) fn remember(
        &mut self,
        station: Station,
        parameters: impl FnOnce() -> Result<Tensor, TchError>,
    ) -> Result<(), TchError> {
        if let Some(last) = self.stations.last_mut().filter(|last| last.step >= station.step) {
            // The start, which had not been evaluated yet.
            *last = station;
            return Ok(());
        }
        let is_due = |every| (station.epoch.round() as u64).is_multiple_of(every);
        if is_due(self.every) && self.stations.len() >= self.most {
            self.thin()?;
        }
        if !is_due(self.every) {
            return Ok(());
        }
        let parameters = parameters()?;
        if is_finite(&parameters)? {
            self.put(self.stations.len(), &parameters.f_sub(&self.start)?)?;
            self.stations.push(station);
        }
        Ok(())
    }

    /// The path with `present` as its last point; None where only shadows are kept.
    pub(crate) fn trail(&mut self, present: Station, parameters: &Tensor) -> Result<Option<Trail<'_>>, TchError> {
        let mut stations = self.stations.clone();
        if self.has_snapshots() && !self.holds(present.step) {
            let difference = parameters.f_sub(&self.start)?;
            self.put(stations.len(), &difference)?;
            stations.push(present);
        }
        let count = stations.len();
        let Kept::Snapshots { rows, gram } = &self.kept else { return Ok(None) };
        let (rows, gram) = (rows.f_narrow(0, 0, count as i64)?, gram.slice(ndarray::s![..count, ..count]));
        Ok(Some(Trail { stations, start: &self.start, rows, gram }))
    }

    /// The shadows of all stations; None where snapshots are kept.
    pub(crate) fn shadows(&self) -> Option<Shadows<'_>> {
        let Kept::Shadows { directions, products } = &self.kept else { return None };
        let products = self.stations.iter().copied().zip(products.iter().copied()).collect();
        Some(Shadows { start: &self.start, directions, products })
    }

    /// Copies the path for a checkpoint. Its start is that of the network, which the seed gives again.
    pub(crate) fn save(&self, tensors: &mut Tensors) -> Result<PathState, TchError> {
        let all = self.stations.len();
        let numbers = self.stations.iter().flat_map(|station| [station.step as f64, station.epoch, station.loss]);
        let stations: Vec<f64> = numbers.collect();
        tensors.add("landscape.stations", &Tensor::f_from_slice(&stations)?.f_reshape([-1, 3])?)?;
        match &self.kept {
            Kept::Snapshots { rows, gram } => {
                tensors.add("landscape.rows", &rows.f_narrow(0, 0, all as i64)?)?;
                let gram = gram.slice(ndarray::s![..all, ..all]).to_owned();
                tensors.add("landscape.products", &Tensor::try_from(gram)?)?;
            }
            Kept::Shadows { products, .. } => {
                let products = Tensor::f_from_slice(products.as_flattened())?.f_reshape([-1, 2])?;
                tensors.add("landscape.products", &products)?;
            }
        }
        Ok(PathState { every: self.every, recorded: None })
    }

    /// The path from `start` that a checkpoint holds, with snapshots of `bytes` in all at most and `directions` as for
    /// [`Self::new`].
    pub(crate) fn restore(
        bytes: usize,
        start: Tensor,
        source: &Source<'_>,
        state: &PathState,
        directions: impl FnOnce(&Tensor) -> Result<Tensor, TchError>,
    ) -> Result<Self, RestoreError> {
        let wrong = || RestoreError::Format("the path of its landscape does not fit together".to_owned());
        let stations = Vec::<f64>::try_from(source.tensor("landscape.stations")?.f_reshape([-1])?)?;
        let station = |row: &[f64; 3]| Station { step: row[0] as u64, epoch: row[1], loss: row[2] };
        let stations: Vec<Station> = stations.as_chunks().0.iter().map(station).collect();
        let first = *stations.first().ok_or_else(wrong)?;
        let mut path = Self::new(bytes, first, start, directions)?;
        let products = source.tensor("landscape.products")?;
        // An earlier torchscope kept more.
        let (mut stride, count) = (1, stations.len());
        while count.div_ceil(stride) > path.most {
            stride *= 2;
        }
        let kept = count.div_ceil(stride);
        let every = |tensor: &Tensor| tensor.f_slice(0, Some(0), Some(count as i64), stride as i64);
        match &mut path.kept {
            Kept::Snapshots { rows, gram } => {
                rows.f_narrow(0, 0, kept as i64)?.f_copy_(&every(&source.tensor("landscape.rows")?)?)?;
                let products = Vec::<f64>::try_from(products.f_reshape([-1])?)?;
                let products = Array2::from_shape_vec([count; 2], products).map_err(|_| wrong())?;
                let products = products.slice(ndarray::s![..;stride, ..;stride]);
                gram.slice_mut(ndarray::s![..kept, ..kept]).assign(&products);
            }
            Kept::Shadows { directions, products: shadows } => {
                let products = match source.tensor("landscape.rows") {
                    Ok(rows) => rows.f_matmul(&directions.f_transpose(0, 1)?)?.f_to_kind(Kind::Double)?,
                    Err(_) => products,
                };
                let products = Vec::<f64>::try_from(products.f_reshape([-1])?)?;
                let products: Vec<[f64; 2]> = products.as_chunks().0.to_vec();
                if products.len() != count {
                    return Err(wrong());
                }
                *shadows = products.into_iter().step_by(stride).collect();
            }
        }
        path.stations = stations.into_iter().step_by(stride).collect();
        path.every = state.every.max(1).saturating_mul(stride as u64);
        Ok(path)
    }

    /// Keeps `difference` at `place`, in place of what was there.
    fn put(&mut self, place: usize, difference: &Tensor) -> Result<(), TchError> {
        match &mut self.kept {
            Kept::Snapshots { rows, gram } => {
                rows.f_narrow(0, place as i64, 1)?.f_copy_(&difference.f_unsqueeze(0)?)?;
                let products = rows.f_narrow(0, 0, place as i64 + 1)?.f_mv(difference)?.f_to_kind(Kind::Double)?;
                for (other, product) in Vec::<f64>::try_from(products)?.into_iter().enumerate() {
                    gram[[place, other]] = product;
                    gram[[other, place]] = product;
                }
            }
            Kept::Shadows { directions, products } => {
                products.truncate(place);
                products.push(pair(&directions.f_mv(difference)?)?);
            }
        }
        Ok(())
    }

    /// Leaves out every second station, and doubles the time between them.
    fn thin(&mut self) -> Result<(), TchError> {
        let left = self.stations.len().div_ceil(2);
        match &mut self.kept {
            Kept::Snapshots { rows, gram } => {
                for place in 1..left {
                    let from = rows.f_narrow(0, 2 * place as i64, 1)?;
                    rows.f_narrow(0, place as i64, 1)?.f_copy_(&from)?;
                }
                let of = |(row, column): (usize, usize)| gram[[2 * row, 2 * column]];
                let thinned = Array2::from_shape_fn([left; 2], of);
                gram.slice_mut(ndarray::s![..left, ..left]).assign(&thinned);
            }
            Kept::Shadows { products, .. } => *products = products.iter().copied().step_by(2).collect(),
        }
        self.stations = self.stations.iter().copied().step_by(2).collect();
        self.every *= 2;
        Ok(())
    }
}

/// All `parameters` one after the other: a copy on the CPU, shape (parameters).
pub(crate) fn flat(parameters: &[Tensor]) -> Result<Tensor, TchError> {
    let pieces = parameters.iter().map(|parameter| parameter.f_detach()?.f_reshape([-1]));
    Tensor::f_cat(&pieces.collect::<Result<Vec<_>, _>>()?, 0)?.f_to_device(Device::Cpu)
}

pub(crate) fn is_finite(tensor: &Tensor) -> Result<bool, TchError> {
    Ok(tensor.f_isfinite()?.f_all()?.f_int64_value(&[])? != 0)
}

/// The two numbers of `tensor`.
pub(crate) fn pair(tensor: &Tensor) -> Result<[f64; 2], TchError> {
    let numbers = Vec::<f64>::try_from(tensor.f_to_kind(Kind::Double)?)?;
    numbers.try_into().map_err(|_| TchError::Shape("two numbers were expected".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn station(epoch: u64) -> Station {
        Station { step: 10 * epoch, epoch: epoch as f64, loss: 1.0 / (1.0 + epoch as f64) }
    }

    fn place(epoch: u64) -> Tensor {
        let epoch = epoch as f64;
        Tensor::from_slice(&[epoch, epoch * epoch, 1.0])
    }

    fn walked(bytes: usize, epochs: u64) -> Path {
        let directions = |_: &Tensor| Ok(Tensor::from_slice(&[1.0, 0.0, 0.0, 0.0, 2.0, 0.0]).view([2, 3]));
        let mut path = Path::new(bytes, station(0), place(0), directions).unwrap();
        for epoch in 1..=epochs {
            path.remember(station(epoch), || Ok(place(epoch))).unwrap();
        }
        path
    }

    fn epochs(stations: &[Station]) -> Vec<u64> {
        stations.iter().map(|station| station.epoch as u64).collect()
    }

    #[test]
    fn a_path_is_thinned_evenly_and_ends_at_the_present() {
        for (last, expected) in [
            (3, vec![0, 1, 2, 3]),
            (254, (0..255).collect()),
            (255, (0..=254).step_by(2).chain([255]).collect()),
            (300, (0..=300).step_by(2).collect()),
            (1001, (0..=1000).step_by(4).chain([1001]).collect::<Vec<u64>>()),
        ] {
            let mut path = walked(MOST_BYTES, last);
            let trail = path.trail(station(last), &place(last)).unwrap().unwrap();
            assert_eq!(epochs(&trail.stations), expected);
            assert!(trail.stations.len() <= MOST_POINTS);
            // Rows and products are those of the stations, whatever was thinned before them.
            for (row, epoch) in expected.iter().enumerate() {
                let values = Vec::<f64>::try_from(trail.rows.get(row as i64)).unwrap();
                let epoch = *epoch as f64;
                assert_eq!(values, [epoch, epoch * epoch, 0.0]);
                let other = expected[row / 2] as f64;
                let product = epoch * other + (epoch * other).powi(2);
                assert!((trail.gram[[row, row / 2]] - product).abs() <= 1e-12 * product);
            }
        }
    }

    #[test]
    fn memory_bounds_the_snapshots_and_then_leaves_shadows() {
        let most = |bytes| {
            let mut path = walked(bytes, 1000);
            let trail = path.trail(station(1000), &place(1000)).unwrap();
            trail.map(|trail| trail.stations.len())
        };
        // Three numbers of eight bytes each.
        assert!(most(20 * 24).unwrap() <= 20);
        assert_eq!(most(15 * 24), None);
        let path = walked(15 * 24, 1000);
        let shadows = path.shadows().unwrap().products;
        assert!((128..MOST_POINTS).contains(&shadows.len()));
        for (station, products) in shadows {
            assert_eq!(products, [station.epoch, 2.0 * station.epoch * station.epoch]);
        }
    }

    #[test]
    fn what_is_not_finite_is_not_remembered() {
        let mut path = walked(MOST_BYTES, 2);
        path.remember(station(3), || Ok(Tensor::from_slice(&[f64::NAN, 0.0, 0.0]))).unwrap();
        path.remember(station(4), || Ok(Tensor::from_slice(&[f64::INFINITY, 0.0, 0.0]))).unwrap();
        assert!(path.holds(20) && !path.holds(30) && !path.holds(40));
    }

    /// `path` after a way through a checkpoint, with room for snapshots of so many bytes.
    fn restored(path: &Path, bytes: usize) -> Path {
        let mut tensors = Tensors::default();
        let state = path.save(&mut tensors).unwrap();
        let file = crate::checkpoint::in_memory(&mut tensors);
        let directions = |_: &Tensor| Ok(Tensor::from_slice(&[1.0, 0.0, 0.0, 0.0, 2.0, 0.0]).view([2, 3]));
        Path::restore(bytes, place(0), &Source::new(&file).unwrap(), &state, directions).unwrap()
    }

    #[test]
    fn a_path_goes_on_after_a_checkpoint() {
        for bytes in [MOST_BYTES, 20 * 24, 15 * 24] {
            for at in [1, 7, 300] {
                let mut whole = walked(bytes, at);
                let mut path = restored(&whole, bytes);
                for epoch in at + 1..=at + 40 {
                    for path in [&mut whole, &mut path] {
                        path.remember(station(epoch), || Ok(place(epoch))).unwrap();
                    }
                }
                assert_eq!(path.stations, whole.stations);
                let products = |path: &Path| path.shadows().map(|shadows| shadows.products);
                assert_eq!(products(&path), products(&whole));
                let last = (station(at + 40), place(at + 40));
                let trails = [&mut whole, &mut path].map(|path| {
                    let trail = path.trail(last.0, &last.1).unwrap();
                    trail.map(|trail| {
                        (trail.stations, Vec::<f64>::try_from(trail.rows.view([-1])).unwrap(), trail.gram.to_owned())
                    })
                });
                assert_eq!(trails[0], trails[1]);
            }
        }
    }

    /// What an earlier torchscope saved may be more than is kept now.
    #[test]
    fn a_path_with_more_than_there_is_room_for_is_thinned_as_it_is_read() {
        let path = walked(MOST_BYTES, 60);
        let mut thinned = restored(&path, 20 * 24);
        assert_eq!((epochs(&thinned.stations), thinned.every), ((0..=60).step_by(4).collect(), 4));
        let trail = thinned.trail(station(60), &place(60)).unwrap().unwrap();
        assert_eq!(trail.gram[[3, 5]], 12.0 * 20.0 + (12.0_f64 * 20.0).powi(2));
        assert_eq!(Vec::<f64>::try_from(trail.rows.get(3)).unwrap(), [12.0, 144.0, 0.0]);
        // Nothing but shadows finds room now.
        let shadows = restored(&path, 15 * 24).shadows().map(|shadows| shadows.products).unwrap();
        assert_eq!(shadows.len(), 61);
        assert!(shadows.iter().all(|(at, products)| *products == [at.epoch, 2.0 * at.epoch * at.epoch]));
    }
}
