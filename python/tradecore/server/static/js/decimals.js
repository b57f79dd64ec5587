// Exact arithmetic on decimal text, for prices and quantities that have to stay on their grid.

/** Places behind the point. */
export function places(text) {
  const at = String(text).indexOf(".");
  return at < 0 ? 0 : String(text).length - at - 1;
}

function scaled(text, digits) {
  const [whole, fraction = ""] = String(text).split(".");
  return BigInt(whole + fraction.padEnd(digits, "0"));
}

function unscaled(value, digits) {
  const text = value.toString().padStart(digits + 1, "0");
  return digits ? `${text.slice(0, -digits)}.${text.slice(-digits)}` : text;
}

/** Is it a plain decimal above zero? */
export function isPositive(text) {
  return /^\d+(\.\d+)?$/.test(text) && /[1-9]/.test(text);
}

/** The next value of a grid above (`by` 1) or below (-1) a price, never below one step. */
export function stepped(text, step, by) {
  const digits = Math.max(places(text), places(step));
  const [value, size] = [scaled(text, digits), scaled(step, digits)];
  const below = value / size;
  const next = by > 0 ? below + 1n : below * size === value ? below - 1n : below;
  return unscaled((next < 1n ? 1n : next) * size, digits);
}
