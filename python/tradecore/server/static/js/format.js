// Numbers and times as text. Decimals stay the text they came as: only groups of thousands are set apart.

export const NONE = "–";

/** Group the thousands of a decimal. */
export function decimal(value) {
  if (value === null || value === undefined || value === "") return NONE;
  const [whole, fraction] = String(value).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

const [CENTS, FINE] = [2, 6].map((most) => new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: most }));

/** An amount of money: two places, more below one. */
export function money(value) {
  if (value === null || value === undefined) return NONE;
  const number = Number(value);
  return (number !== 0 && Math.abs(number) < 1 ? FINE : CENTS).format(number);
}

export function signed(value) {
  return Number(value) > 0 ? `+${money(value)}` : money(value);
}

/** The class of a gain or a loss. */
export function tone(value) {
  const number = Number(value ?? 0);
  return number > 0 ? "up" : number < 0 ? "down" : "";
}

export function fixed(value, digits) {
  return value === null || value === undefined ? NONE : Number(value).toFixed(digits);
}

export function percent(fraction, digits = 1) {
  return fraction === null || fraction === undefined ? NONE : `${(fraction * 100).toFixed(digits)} %`;
}

const UNITS = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];

/** Seconds in the unit that suits them. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  if (seconds === 0) return "0 s";
  if (Math.abs(seconds) >= 120) return `${Math.round(seconds / 60).toLocaleString("en-US")} min`;
  const [size, unit] = UNITS.find(([limit]) => Math.abs(seconds) >= limit) ?? UNITS.at(-1);
  const scaled = seconds / size;
  return `${scaled >= 100 ? scaled.toFixed(0) : scaled.toPrecision(3)} ${unit}`;
}

/** ns UTC as a day. */
export function day(ns) {
  return new Date(ns / 1e6).toISOString().slice(0, 10);
}

/** ns UTC as a time of day, with milliseconds. */
export function clock(ns) {
  return ns === null || ns === undefined ? NONE : new Date(ns / 1e6).toISOString().slice(11, 23);
}

/** `symbol` of `SYMBOL.VENUE`. */
export function symbolOf(instrument) {
  const at = instrument.lastIndexOf(".");
  return at < 0 ? instrument : instrument.slice(0, at);
}
