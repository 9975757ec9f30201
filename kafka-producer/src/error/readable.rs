//! How errors are printed by `{:?}`: as a sentence, like by `{}`. It is what `main` prints of the error that it
//! returns, and `unwrap` of the one that it finds. `{:#?}` prints the structure.

/// Implements `Debug` for an error; its variants or fields are named once more, and the compiler compares.
macro_rules! readable_debug {
    (struct $name:ident { $($field:ident),* $(,)? }) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                if !f.alternate() {
                    return std::fmt::Display::fmt(self, f);
                }
                let Self { $($field),* } = self;
                $crate::error::readable::fields!(f, $name { $($field),* })
            }
        }
    };
    (enum $name:ident {
        $($variant:ident $(($inner:ident))? $({ $($field:ident),* $(,)? })?),* $(,)?
    }) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                if !f.alternate() {
                    return std::fmt::Display::fmt(self, f);
                }
                match self {
                    $(Self::$variant $(($inner))? $({ $($field),* })? => {
                        $crate::error::readable::fields!(
                            f,
                            $variant $(($inner))? $({ $($field),* })?
                        )
                    })*
                }
            }
        }
    };
}

/// A name and what belongs to it, as `#[derive(Debug)]` prints it.
macro_rules! fields {
    ($f:ident, $name:ident) => {
        $f.write_str(stringify!($name))
    };
    ($f:ident, $name:ident ($inner:ident)) => {
        $f.debug_tuple(stringify!($name)).field($inner).finish()
    };
    ($f:ident, $name:ident { $($field:ident),* }) => {
        $f.debug_struct(stringify!($name))$(.field(stringify!($field), $field))*.finish()
    };
}

pub(crate) use {fields, readable_debug};
