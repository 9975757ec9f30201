//! Settings that may grow: structs whose fields callers set by name.

/// Declares a struct that callers cannot list the fields of, with a `with_` method for each field.
macro_rules! settings {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {$(
            $(#[$field_meta:meta])*
            pub $field:ident: $type:ty,
        )*}
    ) => {
        $(#[$meta])*
        #[non_exhaustive]
        pub struct $name {$(
            $(#[$field_meta])*
            pub $field: $type,
        )*}

        impl $name {
            pastey::paste! {$(
                #[doc = concat!("The same with another [`", stringify!($field), "`](field@Self::", stringify!($field), ").")]
                #[must_use]
                pub fn [<with_ $field>](mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )*}
        }
    };
}

pub(super) use settings;
