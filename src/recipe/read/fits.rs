//! What no key can tell alone: keys of a table must go together, and layers must fit each other, the data and the loss.

use crate::recipe::error::{Place, Problem};
use crate::recipe::fields::Fields;
use crate::recipe::infer::infer;
use crate::recipe::keys::Table;
use crate::recipe::load::Look;
use crate::recipe::network::{Layer, Network};
use crate::recipe::spec::{Activation, Answer, DataShape, DataSpec, LayerKind, Loss, OptimizerSpec, Recipe};
use crate::recipe::tree::Node;

/// The recipe, and the tables it was read from.
struct Whole<'a> {
    recipe: &'a Recipe,
    top: Fields<'a>,
    data: Fields<'a>,
    optimizer: Fields<'a>,
    layers: Vec<Fields<'a>>,
}

/// Everything that does not go together in a recipe whose keys are each right. What the data ask of the network is found
/// out by `look` where the recipe does not say; without it that is not checked.
pub(super) fn problems(root: &Node, recipe: &Recipe, look: Option<Look<'_>>) -> Vec<Problem> {
    Whole::new(root, recipe).map_or_else(|problem| vec![problem], |whole| whole.problems(look))
}

/// The table `name` of the top level.
fn table<'a>(top: Fields<'a>, name: &str) -> Result<Fields<'a>, Problem> {
    let missing = || Problem::new(&Place::Whole, format!("missing table [{name}]"));
    let node = &top.entry(name).ok_or_else(missing)?.node;
    Fields::new(node, Table::at(name).ok_or_else(missing)?, None)
}

impl<'a> Whole<'a> {
    fn new(root: &'a Node, recipe: &'a Recipe) -> Result<Self, Problem> {
        let missing = || Problem::new(&Place::Whole, "missing key `layers` in [model]");
        let top = Fields::top(root)?;
        let layers = &table(top, "model")?.entry("layers").ok_or_else(missing)?.node;
        let layers = Fields::list(layers, Table::at("model.layers").ok_or_else(missing)?)?;
        let layers = layers.into_iter().collect::<Result<_, _>>()?;
        let (data, optimizer) = (table(top, "data")?, table(top, "optimizer")?);
        Ok(Self { recipe, top, data, optimizer, layers })
    }
}

impl Whole<'_> {
    fn problems(&self, look: Option<Look<'_>>) -> Vec<Problem> {
        let mut problems = self.of_one_table();
        // Data that make no sense are not looked at.
        let shape = match (self.recipe.data.shape(), look) {
            (None, Some(look)) if problems.is_empty() => match look(&self.recipe.data) {
                Ok(shape) => Some(shape),
                Err(problem) => {
                    problems.push(self.data.itself(&format!("cannot be used: {problem}")));
                    None
                }
            },
            (shape, _) => shape,
        };
        if let Some(shape) = shape {
            problems.extend(self.of_the_network(&shape));
        }
        problems
    }

    /// What does not fit the data.
    fn of_the_network(&self, shape: &DataShape) -> Vec<Problem> {
        let network = infer(&self.recipe.model.layers, &shape.input);
        let mut problems = Vec::new();
        match &network {
            Ok(network) => {
                problems.extend(self.last_layer(network, shape));
                problems.extend(self.normalisation(network, shape));
            }
            Err(misfit) => {
                let place = self.layers.get(misfit.layer).map_or(&Place::Whole, |fields| fields.place(misfit.key));
                problems.push(self.blame(misfit.error(place), misfit.layer + 1));
            }
        }
        problems.extend(self.pictures(shape));
        problems
    }

    /// Keys of one table that do not go together.
    fn of_one_table(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let DataSpec::Blobs { samples, centers, .. } = self.recipe.data
            && samples < centers
        {
            let rest = format!("must be at least {centers}, one for each of the `centers`");
            problems.push(self.data.fault("samples", &rest));
        }
        if let DataSpec::Idx { classes, class_names, .. } = &self.recipe.data
            && !class_names.is_empty()
            && class_names.len() != *classes
        {
            let rest = format!("has {} names, but `data.classes` is {classes}; give as many", class_names.len());
            problems.push(self.data.fault("class_names", &rest));
        }
        if let DataSpec::Folder(folder) = &self.recipe.data
            && folder.channels == 2
        {
            problems.push(self.data.fault("channels", "must be 1 for grey or 3 for red, green and blue, not 2"));
        }
        if let OptimizerSpec::Sgd { nesterov: true, momentum: 0.0, .. } = self.recipe.optimizer {
            problems.push(self.optimizer.fault("nesterov", "needs a `momentum` above 0"));
        }
        problems
    }

    /// What the last layer must be for the data and the loss.
    fn last_layer(&self, network: &Network, data: &DataShape) -> Vec<Problem> {
        let target = match self.target(data) {
            Ok(target) => target,
            Err(problem) => return vec![problem],
        };
        let (Some(last), Some(fields)) = (network.layers.last(), self.layers.last()) else { return Vec::new() };
        let misfits = match self.output(last, fields, target.as_deref(), data) {
            // What cannot be the last layer at all need not be told what it should end in.
            Some(misfit) if last.kind != LayerKind::Dense => vec![misfit],
            misfit => misfit.into_iter().chain(self.activation(last, fields)).collect(),
        };
        misfits.into_iter().map(|misfit| self.blame(misfit, self.layers.len() - 1)).collect()
    }

    fn pictures(&self, shape: &DataShape) -> Option<Problem> {
        let data = &self.recipe.data;
        if shape.input.len() == 3 || self.recipe.probe.pictures.is_empty() {
            return None;
        }
        let rest =
            format!("needs pictures to learn from, as `mnist` has them; the samples of `{}` are none", data.kind());
        let problem = table(self.top, "probe").map(|probe| probe.fault("pictures", &rest));
        Some(self.blame(problem.unwrap_or_else(|missing| missing), 0))
    }

    /// Whoever turned a sound recipe into this one by an override looks for the fault there: the last one that touched
    /// the loss, the data or one of the first `layers` layers is cited instead of a line.
    fn blame(&self, error: Problem, layers: usize) -> Problem {
        if !matches!(error.place(), Place::Line(_)) {
            return error;
        }
        let mut of_layers = self.layers.iter().take(layers).filter_map(|fields| fields.overridden(|_| true));
        let of_top = self.top.overridden(|key| ["loss", "data", "model"].contains(&key));
        let culprit = of_layers.next_back().or_else(|| self.data.overridden(|_| true)).or(of_top);
        match culprit {
            Some(place) => error.at(place),
            None => error,
        }
    }

    /// The shape that the last layer must put out, or why loss and data do not go together; none where it is not known.
    fn target(&self, shape: &DataShape) -> Result<Option<Vec<usize>>, Problem> {
        let Recipe { loss, data, .. } = self.recipe;
        if shape.answer == Answer::UnknownClasses {
            return Ok(None);
        }
        shape.output(*loss).map(Some).ok_or_else(|| {
            let rest = match shape.answer {
                Answer::Input | Answer::UnknownClasses => {
                    "must be `bce` or `mse` where `data.target = \"input\"`: pixels are no classes".to_owned()
                }
                Answer::Classes(classes) => {
                    let kind = data.kind();
                    format!("must be `cross_entropy`, not `{loss}`: `{kind}` has {classes} classes to tell apart")
                }
            };
            self.blame(self.top.fault("loss", &rest), 0)
        })
    }

    fn output(
        &self,
        last: &Layer,
        fields: &Fields<'_>,
        target: Option<&[usize]>,
        shape: &DataShape,
    ) -> Option<Problem> {
        let target = target.filter(|target| last.output_shape != *target)?;
        let Recipe { loss, data, .. } = self.recipe;
        let wanted: usize = target.iter().product();
        let reason = match (shape.answer, loss) {
            (Answer::Input, _) => {
                let what = if shape.input.len() == 3 { "every pixel" } else { "every feature" };
                format!("`data.target = \"input\"` asks for {what}, {} of them", sides(shape))
            }
            (Answer::Classes(classes), Loss::CrossEntropy) => {
                format!("`cross_entropy` takes one number for each of the {classes} classes of `{}`", data.kind())
            }
            (Answer::Classes(_) | Answer::UnknownClasses, _) => {
                format!("`{}` has 1 per sample to predict", data.kind())
            }
        };
        Some(match last.kind {
            LayerKind::Dense => fields.fault("units", &format!("must be {wanted} in the last layer: {reason}")),
            kind => fields.itself(&format!(
                "is `{kind}` and the last layer, and puts out the shape {:?}, but {reason}; end with a `dense` layer of \
                 `units = {wanted}`",
                last.output_shape
            )),
        })
    }

    fn activation(&self, last: &Layer, fields: &Fields<'_>) -> Option<Problem> {
        let (needed, reason) = match self.recipe.loss {
            Loss::Bce => (Activation::Sigmoid, "takes probabilities"),
            Loss::CrossEntropy => (Activation::Linear, "applies the softmax itself"),
            Loss::Mse => return None,
        };
        if last.activation == needed {
            return None;
        }
        let (found, loss) = (last.activation, self.recipe.loss);
        let because = format!("because `loss = \"{loss}\"` {reason}");
        let has_none =
            matches!(last.kind, LayerKind::MaxPool2d | LayerKind::AvgPool2d | LayerKind::Flatten | LayerKind::Dropout);
        if has_none {
            let kind = last.kind;
            let rest =
                format!("is `{kind}`, but the last layer must be one with `activation = \"{needed}\"`, {because}");
            return Some(fields.itself(&rest));
        }
        Some(fields.fault("activation", &format!("must be `{needed}` in the last layer, not `{found}`, {because}")))
    }

    /// Batch normalisation cannot take the variance of a single number.
    fn normalisation(&self, network: &Network, data: &DataShape) -> Option<Problem> {
        let batch = self.recipe.batch_size;
        // Where only the files know how many samples there are, the trainer looks again.
        let samples = data.samples.unwrap_or(batch);
        let layer = network.starved(samples, batch)?;
        let rest = format!(
            "leaves a batch of a single sample, of which `{}` cannot take the variance; choose another size",
            layer.name
        );
        Some(self.blame(self.top.fault("batch_size", &rest), 0))
    }
}

/// "28x28", "3x28x28", "4"
fn sides(shape: &DataShape) -> String {
    let grey = shape.input.len() == 3 && shape.input[0] == 1;
    shape.input.iter().skip(usize::from(grey)).map(usize::to_string).collect::<Vec<_>>().join("x")
}
