//! What no table can tell alone: layers must fit each other, the data and the loss.

use super::super::error::{Place, RecipeError};
use super::super::fields::Fields;
use super::super::infer::infer;
use super::super::network::{Layer, Network};
use super::super::spec::{Activation, Answer, DataShape, LayerKind, Loss, Recipe};
use super::model;

/// The recipe, and the tables it was read from.
struct Whole<'a> {
    recipe: &'a Recipe,
    /// What the data ask of the network.
    shape: &'a DataShape,
    top: &'a Fields<'a>,
    data: Fields<'a>,
    layers: Vec<Fields<'a>>,
}

pub(super) fn check(top: &Fields<'_>, recipe: &Recipe, shape: &DataShape) -> Result<(), RecipeError> {
    let layers = model::layers(&top.table("model")?)?;
    let whole = Whole { recipe, shape, top, data: top.table("data")?, layers };
    whole.check()
}

impl Whole<'_> {
    fn check(&self) -> Result<(), RecipeError> {
        let network = infer(&self.recipe.model.layers, &self.shape.input).map_err(|misfit| {
            let place = self.layers.get(misfit.layer).map_or(&Place::Whole, |fields| fields.place(misfit.key));
            self.blame(misfit.error(place), misfit.layer + 1)
        })?;
        let target = self.target()?;
        if let (Some(last), Some(fields)) = (network.layers.last(), self.layers.last()) {
            let fit = self.output(last, fields, target.as_deref()).and_then(|()| self.activation(last, fields));
            fit.map_err(|error| self.blame(error, self.layers.len() - 1))?;
        }
        self.normalisation(&network)?;
        if network.picture_size().is_none() && !self.recipe.probe.pictures.is_empty() {
            let kind = self.recipe.data.kind();
            let rest = format!("needs pictures to learn from, as `mnist` has them; the samples of `{kind}` are none");
            return Err(self.top.table("probe")?.fault("pictures", &rest));
        }
        Ok(())
    }

    /// Whoever turned a sound recipe into this one by an override looks for the fault there: the last one that touched
    /// the loss, the data or one of the first `layers` layers is cited instead of a line.
    fn blame(&self, error: RecipeError, layers: usize) -> RecipeError {
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
    fn target(&self) -> Result<Option<Vec<usize>>, RecipeError> {
        let Recipe { loss, data, .. } = self.recipe;
        if self.shape.answer == Answer::UnknownClasses {
            return Ok(None);
        }
        self.shape.output(*loss).map(Some).ok_or_else(|| {
            let rest = match self.shape.answer {
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

    fn output(&self, last: &Layer, fields: &Fields<'_>, target: Option<&[usize]>) -> Result<(), RecipeError> {
        let Some(target) = target.filter(|target| last.output_shape != *target) else { return Ok(()) };
        let Recipe { loss, data, .. } = self.recipe;
        let wanted: usize = target.iter().product();
        let reason = match (self.shape.answer, loss) {
            (Answer::Input, _) => {
                let what = if self.shape.input.len() == 3 { "every pixel" } else { "every feature" };
                format!("`data.target = \"input\"` asks for {what}, {} of them", sides(self.shape))
            }
            (Answer::Classes(classes), Loss::CrossEntropy) => {
                format!("`cross_entropy` takes one number for each of the {classes} classes of `{}`", data.kind())
            }
            (Answer::Classes(_) | Answer::UnknownClasses, _) => {
                format!("`{}` has 1 per sample to predict", data.kind())
            }
        };
        Err(match last.kind {
            LayerKind::Dense => fields.fault("units", &format!("must be {wanted} in the last layer: {reason}")),
            kind => fields.itself(&format!(
                "is `{kind}` and the last layer, and puts out the shape {:?}, but {reason}; end with a `dense` layer of \
                 `units = {wanted}`",
                last.output_shape
            )),
        })
    }

    fn activation(&self, last: &Layer, fields: &Fields<'_>) -> Result<(), RecipeError> {
        let (needed, reason) = match self.recipe.loss {
            Loss::Bce => (Activation::Sigmoid, "takes probabilities"),
            Loss::CrossEntropy => (Activation::Linear, "applies the softmax itself"),
            Loss::Mse => return Ok(()),
        };
        if last.activation == needed {
            return Ok(());
        }
        let (found, loss) = (last.activation, self.recipe.loss);
        let because = format!("because `loss = \"{loss}\"` {reason}");
        let has_none =
            matches!(last.kind, LayerKind::MaxPool2d | LayerKind::AvgPool2d | LayerKind::Flatten | LayerKind::Dropout);
        if has_none {
            let kind = last.kind;
            let rest =
                format!("is `{kind}`, but the last layer must be one with `activation = \"{needed}\"`, {because}");
            return Err(fields.itself(&rest));
        }
        Err(fields.fault("activation", &format!("must be `{needed}` in the last layer, not `{found}`, {because}")))
    }

    /// Batch normalisation cannot take the variance of a single number.
    fn normalisation(&self, network: &Network) -> Result<(), RecipeError> {
        let batch = self.recipe.batch_size;
        // Where only the files know how many samples there are, the trainer looks again.
        let samples = self.shape.samples.unwrap_or(batch);
        let Some(layer) = network.starved(samples, batch) else { return Ok(()) };
        let rest = format!(
            "leaves a batch of a single sample, of which `{}` cannot take the variance; choose another size",
            layer.name
        );
        Err(self.blame(self.top.fault("batch_size", &rest), 0))
    }
}

/// "28x28", "3x28x28", "4"
fn sides(shape: &DataShape) -> String {
    let grey = shape.input.len() == 3 && shape.input[0] == 1;
    shape.input.iter().skip(usize::from(grey)).map(usize::to_string).collect::<Vec<_>>().join("x")
}
