//! Telling one data set from another.

use super::{Dataset, Split};

/// Numbers that are turned into bytes at a time.
const CHUNK: usize = 4096;

impl Split {
    /// CRC-32C of every shape, number and label, in row-major order: another one means other data.
    pub fn fingerprint(&self) -> u32 {
        let mut sum = 0;
        for set in [Some(&self.training), self.test.as_ref()] {
            // A set that is not there differs from an empty one.
            sum = crc32c::crc32c_append(sum, &[u8::from(set.is_some())]);
            if let Some(set) = set {
                sum = of_set(sum, set);
            }
        }
        sum
    }
}

fn of_set(mut sum: u32, set: &Dataset) -> u32 {
    for array in [&set.inputs, &set.targets] {
        sum = of_numbers(sum, array.shape().iter().map(|side| (*side as u64).to_le_bytes()));
        sum = of_numbers(sum, array.iter().map(|number| number.to_le_bytes()));
    }
    of_numbers(sum, set.labels.iter().flatten().map(|label| label.to_le_bytes()))
}

fn of_numbers<const N: usize>(mut sum: u32, numbers: impl Iterator<Item = [u8; N]>) -> u32 {
    let mut bytes = Vec::with_capacity(CHUNK * N);
    for number in numbers {
        bytes.extend_from_slice(&number);
        if bytes.len() >= CHUNK * N {
            sum = crc32c::crc32c_append(sum, &bytes);
            bytes.clear();
        }
    }
    crc32c::crc32c_append(sum, &bytes)
}

#[cfg(test)]
mod tests {
    use ndarray::Array1;

    use super::super::{Split, load};
    use crate::recipe::DataSpec;

    fn moons(samples: usize, seed: u32) -> Split {
        load(&DataSpec::Moons { samples, noise: 0.1, seed }).unwrap()
    }

    #[test]
    fn every_change_is_seen() {
        let usual = moons(3000, 1);
        assert_eq!(usual.fingerprint(), moons(3000, 1).fingerprint());
        let mut others = vec![moons(3000, 2), moons(2999, 1)];
        let change = |change: fn(&mut Split)| {
            let mut other = usual.clone();
            change(&mut other);
            other
        };
        others.push(change(|split| split.training.inputs[[2999, 1]] += 1e-6));
        others.push(change(|split| split.training.targets[[0, 0]] = 0.5));
        others.push(change(|split| split.training.labels = None));
        others.push(change(|split| split.training.labels = Some(Array1::zeros(3000))));
        others.push(change(|split| split.test = Some(split.training.clone())));
        others.push(change(|split| {
            let flat = split.training.inputs.clone().into_shape_with_order(vec![6000]);
            split.training.inputs = flat.unwrap();
        }));
        let mut sums: Vec<u32> = others.iter().chain([&usual]).map(Split::fingerprint).collect();
        sums.sort_unstable();
        sums.dedup();
        assert_eq!(sums.len(), others.len() + 1);
    }
}
