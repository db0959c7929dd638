use super::{Document, Kind, Metadata};
use crate::log::{Data, Value, tags};

/// Begins and ends the recipe, which stands as a block of code in a text that `TensorBoard` shows as Markdown.
const FENCE: [&str; 2] = ["```toml\n", "\n```"];

/// What is trained: a recipe as TOML, every default written out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecipeText(pub String);

impl RecipeText {
    /// The value for the log.
    pub fn encode(&self) -> Value {
        let [before, after] = FENCE;
        let text = format!("{before}{}{after}", self.0.trim_end());
        let about = Metadata::new(Kind::Recipe);
        Value { tag: tags::RUN_RECIPE.into(), data: Data::Document(Document { about, text }) }
    }

    /// The recipe in a document, with or without a fence around it; none in one of another kind.
    pub fn decode(document: &Document) -> Option<Self> {
        let [before, after] = FENCE;
        let text = document.text.strip_prefix(before).and_then(|text| text.strip_suffix(after));
        let text = text.map_or_else(|| document.text.clone(), |text| format!("{text}\n"));
        (document.about.kind == Kind::Recipe).then_some(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_comes_back() {
        let recipe = RecipeText("name = \"moons\"\n\n[data]\nkind = \"moons\"\n".into());
        let Data::Document(document) = recipe.encode().data else { panic!("a recipe is a document") };
        assert!(document.text.starts_with("```toml\nname"));
        assert_eq!(RecipeText::decode(&document), Some(recipe));
        let bare = Document { text: "name = 1".into(), ..document };
        assert_eq!(RecipeText::decode(&bare), Some(RecipeText("name = 1".into())));
        assert_eq!(RecipeText::decode(&Document { about: Metadata::new(Kind::Setup), ..bare }), None);
    }
}
