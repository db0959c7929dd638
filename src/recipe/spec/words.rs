//! Enums of bare words.

/// Defines an enum of bare words: each variant has one spelling, the same in TOML, JSON and on screen.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value there is, in the order in which to offer them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Their spellings, in the same order.
            pub const NAMES: &'static [&'static str] = &[$($word,)+];

            /// Its spelling in a recipe.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

pub(super) use words;
