use crate::log::TensorValue;

/// A place of the optimiser on a plane through parameter space.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Waypoint {
    /// Along the first axis, in its unit.
    pub x: f64,
    /// Along the second.
    pub y: f64,
    /// The loss there, not that of the plane below.
    pub loss: f64,
    /// Distance from the plane, Euclidean, in parameter space; not a number where it is not known.
    pub off: f64,
    /// Epochs trained by then.
    pub epoch: f64,
}

/// Way of the optimiser over a plane, the present last: a tensor (n, 5) of single precision.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Path(pub Vec<Waypoint>);

impl Path {
    /// The tensor for the log.
    pub fn encode(&self) -> TensorValue {
        let row = |Waypoint { x, y, loss, off, epoch }: &Waypoint| [*x, *y, *loss, *off, *epoch].map(|it| it as f32);
        TensorValue::new(vec![self.0.len(), 5], self.0.iter().flat_map(row).collect())
    }

    /// The way in a tensor; none in one of another shape.
    pub fn decode(tensor: &TensorValue) -> Option<Self> {
        let [rows, 5] = tensor.shape[..] else { return None };
        let points = tensor.values.as_chunks::<5>().0.iter().map(|row| row.map(f64::from));
        let points: Vec<_> = points.map(|[x, y, loss, off, epoch]| Waypoint { x, y, loss, off, epoch }).collect();
        (points.len() == rows).then_some(Self(points))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_comes_back_and_other_shapes_are_none() {
        let way = Path(vec![
            Waypoint { x: 1.0, y: -2.0, loss: 0.5, off: 0.25, epoch: 3.0 },
            Waypoint { x: 0.0, y: 4.0, loss: f64::INFINITY, off: 0.0, epoch: 4.0 },
        ]);
        let tensor = way.encode();
        assert_eq!((tensor.shape.as_slice(), tensor.values[5]), ([2, 5].as_slice(), 0.0));
        assert_eq!(Path::decode(&tensor), Some(way));
        for shape in [vec![5, 2], vec![10], vec![3, 5]] {
            assert_eq!(Path::decode(&TensorValue { shape, ..tensor.clone() }), None);
        }
    }
}
