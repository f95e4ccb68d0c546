//! Every fact about the two remotes that nobody could verify, one switch each.
//!
//! The service must hold whichever way a switch stands: the whole-program suite runs with all
//! defaults, all flipped and a seeded mix. Each accessor leaves a mark, so that a switch nothing
//! reads fails a test ([`Facts::unread`]).
//!
//! To add a switch, add an entry to the list at the end: an accessor's name, its type's name, the
//! name used on the command line, what is not known (and why it is a guess), and its options, the
//! default first. `flipped` takes the last option.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Map, Value, json};

use crate::seed::Seeded;

/// What the control API and the command line show of one switch.
#[derive(Debug, Clone, Copy)]
pub struct FactInfo {
    /// Name such as `rackbeat.rounding`.
    pub name: &'static str,
    /// What is not known, and which answer is why the default.
    pub about: &'static str,
    /// The options' names, the default first.
    pub options: &'static [&'static str],
}

/// A switch or an option that does not exist.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FactError {
    /// No switch of this name.
    #[error("no fact is named {0}")]
    Unknown(String),
    /// The switch has no such option.
    #[error("fact {0} has no option {1}")]
    Option(String, String),
    /// Not of the form `name=option`.
    #[error("not of the form name=option: {0}")]
    Syntax(String),
}

#[derive(Debug)]
struct Switches {
    chosen: Vec<AtomicUsize>,
    read: Vec<AtomicBool>,
}

/// The switches of one sandbox. Clones share them.
#[derive(Debug, Clone)]
pub struct Facts(Arc<Switches>);

impl Default for Facts {
    fn default() -> Self {
        Self::defaults()
    }
}

impl Facts {
    fn from_choice(mut choice: impl FnMut(&FactInfo) -> usize) -> Self {
        Self(Arc::new(Switches {
            chosen: FACTS.iter().map(|info| AtomicUsize::new(choice(info))).collect(),
            read: FACTS.iter().map(|_| AtomicBool::new(false)).collect(),
        }))
    }

    /// Every switch at its default: the answer held most likely.
    #[must_use]
    pub fn defaults() -> Self {
        Self::from_choice(|_| 0)
    }

    /// Every switch at its last option.
    #[must_use]
    pub fn flipped() -> Self {
        Self::from_choice(|info| info.options.len() - 1)
    }

    /// A mix drawn from `seed`.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::from_choice(|info| Seeded::labelled(seed, info.name).index(info.options.len()))
    }

    /// Sets one switch by name, such as `rackbeat.rounding` to `per-line`.
    ///
    /// # Errors
    /// [`FactError`] when there is no such switch or option.
    pub fn set(&self, name: &str, option: &str) -> Result<(), FactError> {
        let at = FACTS
            .iter()
            .position(|info| info.name == name)
            .ok_or_else(|| FactError::Unknown(name.to_owned()))?;
        let chosen = FACTS[at]
            .options
            .iter()
            .position(|known| *known == option)
            .ok_or_else(|| FactError::Option(name.to_owned(), option.to_owned()))?;
        self.0.chosen[at].store(chosen, Ordering::SeqCst);
        Ok(())
    }

    /// Sets one switch from the command line's `name=option`.
    ///
    /// # Errors
    /// [`FactError`] when the text is something else.
    pub fn set_text(&self, text: &str) -> Result<(), FactError> {
        let (name, option) = text.split_once('=').ok_or_else(|| FactError::Syntax(text.to_owned()))?;
        self.set(name.trim(), option.trim())
    }

    /// The switches nothing has read so far.
    #[must_use]
    pub fn unread(&self) -> Vec<&'static str> {
        FACTS
            .iter()
            .zip(&self.0.read)
            .filter(|(_, read)| !read.load(Ordering::SeqCst))
            .map(|(info, _)| info.name)
            .collect()
    }

    /// All switches: `{name: {value, options, about, read}}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut all = Map::new();
        for (at, info) in FACTS.iter().enumerate() {
            let value = info.options[self.0.chosen[at].load(Ordering::SeqCst)];
            let read = self.0.read[at].load(Ordering::SeqCst);
            all.insert(
                info.name.to_owned(),
                json!({ "value": value, "options": info.options, "about": info.about, "read": read }),
            );
        }
        Value::Object(all)
    }

    fn chosen(&self, at: usize) -> usize {
        self.0.read[at].store(true, Ordering::SeqCst);
        self.0.chosen[at].load(Ordering::SeqCst)
    }
}

macro_rules! facts {
    ($( $accessor:ident : $Type:ident = $name:literal, $about:literal, { $( $Variant:ident $option:literal $doc:literal ),+ $(,)? } )+) => {
        $(
            #[doc = $about]
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub enum $Type { $( #[doc = $doc] $Variant ),+ }

            impl $Type {
                const OPTIONS: &'static [Self] = &[$( Self::$Variant ),+];
            }
        )+

        #[expect(non_camel_case_types, reason = "only an index, named like the accessor it serves")]
        enum At { $( $accessor ),+ }

        /// Every switch, in the list's order.
        pub const FACTS: &[FactInfo] = &[
            $( FactInfo { name: $name, about: $about, options: &[$( $option ),+] } ),+
        ];

        impl Facts {
            $(
                #[doc = $about]
                #[must_use]
                pub fn $accessor(&self) -> $Type {
                    $Type::OPTIONS[self.chosen(At::$accessor as usize)]
                }
            )+
        }
    };
}

facts! {
    rounding: Rounding = "rackbeat.rounding",
        "How order totals are rounded; no page seen tells.", {
        SumThenOnce "sum-then-once" "Net and VAT are summed exactly and rounded once each.",
        PerLine "per-line" "Each line's net and each line's VAT are rounded, then summed.",
        NetPerLineVatPerRate "net-per-line-and-vat-per-rate" "Each line's net is rounded; VAT is rounded once per rate.",
    }
    vat_on_create: VatOnCreate = "rackbeat.vat-on-create",
        "Whether `vat_percentage` counts when a line is created; it is known to count on a line update.", {
        Counts "counts" "The sent percentage is kept.",
        Ignored "ignored" "The product group's rate for the VAT zone is taken until the line is updated.",
    }
    heading_search: HeadingSearch = "rackbeat.heading-search",
        "Whether `search` on orders covers the heading; no page names the searched fields.", {
        Covered "covered" "A part of the heading finds the order.",
        NotCovered "not-covered" "Only number and customer name are searched.",
    }
    order_sort: OrderSort = "rackbeat.order-sort",
        "How the order list is sorted: the vendor's SDKs send `order_by`, a running client sends `sort=created_at`.", {
        OrderBy "order-by" "Both `order_by` and `sort` are honoured.",
        SortOnly "sort-only" "Only `sort` is honoured; `order_by` is silently ignored.",
        Ignored "ignored" "Neither is: rows come oldest first.",
    }
    order_flags: OrderFlags = "rackbeat.order-flags",
        "Whether flags such as `is_booked=` filter the order list: SDKs send them, a live call got 422.", {
        Honoured "honoured" "Rows are filtered.",
        Ignored "ignored" "All rows come.",
        Refused "refused" "422 `Property 'is_booked' is not filterable`.",
    }
    field_filter: FieldFilter = "rackbeat.field-filter",
        "Whether `field_eq[<id>]` works on orders and items; it is generic in the SDK's base class, nobody was seen using it.", {
        Works "works" "Only rows with that field value come.",
        Ignored "ignored" "All rows come.",
    }
    email_filter: EmailFilter = "rackbeat.email-filter",
        "What `simple_filter[contact_email]` does on customers; only `simple_filter[ean]` was seen used.", {
        Works "works" "Exact match, case ignored.",
        Ignored "ignored" "All rows come.",
        Refused "refused" "422 `Property 'contact_email' is not filterable`.",
    }
    customer_search: CustomerSearch = "rackbeat.customer-search",
        "Whether `search` on customers covers the e-mail; name and number are known to be covered.", {
        WithEmail "with-email" "An e-mail address finds its customers.",
        NameAndNumber "name-and-number" "It does not.",
    }
    customer_name_key: CustomerNameKey = "rackbeat.customer-name-key",
        "What a customer's name is called in answers: `name` in newer clients, `company_name` in the old form.", {
        Name "name" "`name`.",
        CompanyName "company-name" "`company_name`.",
    }
    customer_terms: CustomerTerms = "rackbeat.customer-terms",
        "Whether `payment_terms_id` is required to create a customer; the old form marks it so.", {
        Required "required" "422 without it.",
        Optional "optional" "The account's first terms apply.",
    }
    ready_call: ReadyCall = "rackbeat.ready-call",
        "Which call marks an order ready for shipping: the flag is known, the present-day call was not seen.", {
        Update "update" "`PUT /orders/{n}` with `is_ready_for_shipping`; the old call is gone.",
        BookForShipping "book-for-shipping" "`POST /orders/{n}/book-for-shipping`; the flag in a PUT is silently ignored.",
    }
    ship_path: ShipPath = "rackbeat.ship-path",
        "Where a shipment is marked shipped: the later SDK's path or the old one.", {
        Shipments "orders-shipments" "`POST /orders/shipments/{id}/mark-shipped`.",
        PerOrder "per-order" "`POST /orders/{n}/shipments/{id}/mark-shipped`.",
    }
    pick_path: PickPath = "rackbeat.pick-path",
        "Where a shipment is marked picked: only the old path was seen.", {
        PerOrder "per-order" "`POST /orders/{n}/shipments/{id}/mark-picked`.",
        Shipments "orders-shipments" "`POST /orders/shipments/{id}/mark-picked`.",
    }
    ship_picks: ShipPicks = "rackbeat.ship-picks",
        "Whether `mark-shipped` with `pick: true` picks as well, as the later SDK has it.", {
        Picks "picks" "It picks and ships.",
        NeedsPick "needs-pick" "An unpicked shipment is refused with 422.",
    }
    shipment_overlap: ShipmentOverlap = "rackbeat.shipment-overlap",
        "Whether a second shipment may hold goods an open one already holds; the SDK guards only against shipped orders.", {
        Refused "refused" "Goods on an open shipment count as taken.",
        Allowed "allowed" "A repeated call makes a second shipment of the same goods.",
    }
    draft_delete: DraftDelete = "rackbeat.draft-delete",
        "Whether `DELETE /orders/{n}` removes a draft; the old form has the call, its rules are inferred.", {
        Allowed "allowed" "A draft is removed.",
        Refused "refused" "403 for drafts too.",
    }
    post_orders: PostOrders = "rackbeat.post-orders",
        "Whether `POST /orders` books at once; inferred from the separate call for drafts.", {
        Books "books" "The order is booked.",
        Draft "draft" "It stays a draft.",
    }
    order_number: OrderNumberOnCreate = "rackbeat.order-number-on-create",
        "Whether a `number` sent with a new order is taken; the old form allows it.", {
        Ignored "ignored" "The series assigns the number.",
        Taken "taken" "It is taken; a used one is refused with 422.",
    }
    order_references: OrderReferences = "rackbeat.order-references",
        "Whether orders keep `their_reference` and `other_reference`; both were seen elsewhere only.", {
        Kept "kept" "Kept and returned.",
        Ignored "ignored" "Silently dropped.",
    }
    order_address: OrderAddress = "rackbeat.order-address",
        "Whether order addresses are taken from flat keys or from objects; running clients mix both.", {
        Both "both" "Flat keys and objects, the object wins.",
        FlatOnly "flat-only" "Objects are ignored, except e-mail and phone.",
        ObjectsOnly "objects-only" "Flat keys are ignored.",
    }
    country_form: CountryForm = "rackbeat.country-form",
        "Whether countries are names or ISO codes: a running client sends names, codes were not seen.", {
        Any "any" "Both are accepted.",
        NamesOnly "names-only" "Two-letter codes are refused with 422.",
        IsoOnly "iso-only" "Anything but two-letter codes is refused with 422.",
    }
    long_text: LongText = "rackbeat.long-text",
        "What happens past 255 characters of heading and 800 of note; a live client cuts there itself.", {
        Refused "refused" "422.",
        Cut "cut" "Silently cut.",
    }
    book_mail: BookMail = "rackbeat.book-mail",
        "Whether booking without a `mail` object mails the customer.", {
        Silent "silent" "No mail.",
        Mails "mails" "A mail is sent.",
    }
    invoice_book: InvoiceBook = "rackbeat.invoice-book",
        "Where `book` counts when an order is converted to an invoice; without it the invoice is booked.", {
        QueryOrBody "query-or-body" "In both places.",
        QueryOnly "query-only" "Only in the query.",
        BodyOnly "body-only" "Only in the body.",
    }
    reserved_by: ReservedBy = "rackbeat.reserved-by",
        "Which orders raise `in_order_quantity`; available = stock - in order is from the old form.", {
        Booked "booked" "Booked orders only.",
        DraftsToo "drafts-too" "Drafts too.",
    }
    stock_on_create: StockOnCreate = "rackbeat.stock-on-create",
        "Whether `stock_quantity` in a new product counts: imports send it, the old form says it does not.", {
        Ignored "ignored" "Stock starts at zero.",
        Taken "taken" "It becomes the stock at the default location.",
    }
    item_sort: ItemSort = "rackbeat.item-sort",
        "Whether item lists honour `order_by` and `order_direction`, as the vendor's SDKs send them.", {
        OrderBy "order-by" "Sorted as asked.",
        Ignored "ignored" "By number, ascending.",
    }
    product_rename: ProductRename = "rackbeat.product-rename",
        "Whether an item's number may be changed: documented webhooks carry `old_key` and `new_key`.", {
        Renames "renames" "The item has another number from then on.",
        Refused "refused" "422 on `number`.",
    }
    unchanged_update: UnchangedUpdate = "rackbeat.unchanged-update",
        "Whether an update that changes nothing moves `updated_at` and is told to webhooks; the framework's default is not.", {
        Silent "silent" "It is as if it had not come.",
        Told "told" "It counts as an update.",
    }
    stock_touches: StockTouches = "rackbeat.stock-touches-item",
        "Whether a change of stock moves the item's `updated_at`.", {
        Touches "touches" "It does.",
        Leaves "leaves" "It does not.",
    }
    location_list: LocationList = "rackbeat.location-list",
        "Whether `/locations` lists all locations or only the top ones; `/locations/flat` and `children` exist beside it.", {
        All "all" "All.",
        TopLevel "top-level" "Those inside no other.",
    }
    parent_stock: ParentStock = "rackbeat.parent-stock",
        "Whether a location's stock holds that of the locations inside it.", {
        Own "own" "Only what lies there itself; the rows add up to the item's stock.",
        WithChildren "with-children" "All within; the rows add up to more.",
    }
    location_available: LocationAvailable = "rackbeat.location-available",
        "Whether an item's locations tell what is available there; clients type it under several names.", {
        Told "told" "`available_quantity` and `in_order_quantity`.",
        Absent "absent" "Only `stock_quantity`.",
    }
    number_length: NumberLength = "rackbeat.number-length",
        "How long a product number may be: the help desk says 25 (perhaps dated).", {
        TwentyFive "25" "25 characters.",
        TwoHundredFiftyFive "255" "255 characters.",
    }
    number_encoding: NumberEncoding = "rackbeat.number-encoding",
        "How numbers with reserved characters stand in a path: the later SDK encodes once, the older twice.", {
        Single "single" "Percent-encoded once.",
        Double "double" "Percent-encoded twice; once is not found.",
    }
    past_the_end: PastTheEnd = "rackbeat.past-the-end",
        "What a page past the last one gives; an empty array is expected, not documented.", {
        Empty "empty" "An empty array.",
        Missing "missing" "404.",
    }
    retry_after: RetryAfter = "rackbeat.retry-after",
        "Whether a 429 carries Retry-After; it is the default of the framework, no page tells.", {
        Sent "sent" "Seconds to wait.",
        Absent "absent" "No header.",
    }
    burst: Burst = "rackbeat.burst",
        "Whether there is a limit below the minute's 480; a user saw the limiter trip in a burst of about 60.", {
        MinuteOnly "minute-only" "Only 480 in a sliding minute.",
        Sixty "60-in-5s" "Also 60 in any five seconds.",
    }
    webhook_body: WebhookBody = "rackbeat.webhook-body",
        "The body of a webhook: documented with event and data, seen live with the key only.", {
        Live "live" "`{key_name, key}`.",
        Documented "documented" "`{key, key_name, event, data}`.",
    }
    webhook_token: WebhookToken = "rackbeat.webhook-token",
        "Whether the token comes back when an existing webhook is registered again.", {
        OnlyNew "only-new" "Only when it is made.",
        Always "always" "Also then.",
    }
    rate_headers: RateHeaders = "rackbeat.rate-headers",
        "Whether answers carry `X-RateLimit-…`; it is the default of the framework, no page tells.", {
        Sent "sent" "`X-RateLimit-Limit` and `X-RateLimit-Remaining`.",
        Absent "absent" "No such header.",
    }
    stock_event_name: StockEventName = "rackbeat.stock-event-name",
        "What the event of a change of stock is called: the help desk names one, its page has no catalogue.", {
        Changed "inventory-changed" "`inventory.changed`.",
        Updated "inventory-updated" "`inventory.updated`, in the pattern of the others; the other name is refused.",
    }
    stock_event_body: StockEventBody = "rackbeat.stock-event-body",
        "The body of the stock event: which body goes with which event name is inferred.", {
        Item "item" "`{item, item_type, type}`.",
        ItemAndKey "item-and-key" "The same with `key_name` and `key`, which are the stock entry's, not the item's.",
        Key "key" "`{key_name, key}`, which are the item's.",
    }
    stock_event_scope: StockEventScope = "rackbeat.stock-event-scope",
        "Whether `inventory.changed` also comes when only the quantity in order changes.", {
        Physical "physical" "Only when goods come or go.",
        OrdersToo "orders-too" "Also when an order is booked, reopened, cancelled or removed.",
    }
    throttled_status: ThrottledStatus = "shopify.throttled-status",
        "The HTTP status of a THROTTLED answer: reported as 200, also claimed to be 429; the docs are silent.", {
        Ok "200" "200 with the error in the body.",
        TooManyRequests "429" "429 with the same body.",
    }
    frozen_answer: FrozenAnswer = "shopify.frozen-answer",
        "How a frozen shop answers: the response codes say 402, forums quote the code SHOP_INACTIVE.", {
        PaymentRequired "402" "402 before GraphQL is reached.",
        ShopInactive "shop-inactive" "200 with an error of the code SHOP_INACTIVE.",
    }
    bulk_full: BulkFull = "shopify.bulk-full",
        "The code of a sixth bulk query at once: the schema has two that fit.", {
        LimitReached "limit-reached" "LIMIT_REACHED.",
        InProgress "in-progress" "OPERATION_IN_PROGRESS.",
    }
    failed_key: FailedKey = "shopify.failed-key",
        "What an idempotency key gives whose first call was refused with userErrors; the schema has a code for it, no page tells when.", {
        SameAnswer "same-answer" "The same refusal again.",
        RunsAgain "runs-again" "It runs as if the key were new.",
        NewKeyNeeded "new-key-needed" "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED.",
    }
    sku_search: SkuSearch = "shopify.sku-search",
        "Whether the search for variants sees a write at once; the docs call it eventually consistent, the delay is a guess.", {
        AtOnce "at-once" "It does.",
        Lags "lags" "Two seconds later.",
    }
    stock_touches_product: StockTouchesProduct = "shopify.stock-touches-product",
        "Whether a change of stock other than by an order moves a product's `updatedAt` and tells products/update; orders are known to.", {
        Leaves "leaves" "It does not.",
        Touches "touches" "It does.",
    }
}

#[cfg(test)]
mod tests {
    use super::{FACTS, FactError, Facts, Rounding};

    #[test]
    fn a_switch_is_set_by_name_and_tells_when_it_was_read() {
        let facts = Facts::defaults();
        assert_eq!(facts.unread().len(), FACTS.len());
        facts.set_text("rackbeat.rounding=per-line").unwrap();
        assert_eq!(facts.rounding(), Rounding::PerLine);
        assert!(!facts.unread().contains(&"rackbeat.rounding"));
        assert!(matches!(facts.set("rackbeat.nothing", "x"), Err(FactError::Unknown(_))));
        assert!(matches!(facts.set("rackbeat.rounding", "x"), Err(FactError::Option(..))));
    }

    #[test]
    fn names_are_unique_and_every_switch_can_be_flipped() {
        let mut names: Vec<_> = FACTS.iter().map(|info| info.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FACTS.len());
        assert!(FACTS.iter().all(|info| info.options.len() > 1 && !info.about.is_empty()));
        let (defaults, flipped) = (Facts::defaults().to_json(), Facts::flipped().to_json());
        for info in FACTS {
            assert_ne!(defaults[info.name]["value"], flipped[info.name]["value"], "{}", info.name);
        }
        assert_eq!(Facts::seeded(3).to_json(), Facts::seeded(3).to_json());
    }
}
