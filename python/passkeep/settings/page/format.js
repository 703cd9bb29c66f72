// Dates, sizes and durations as people of this page's language write them.

import { language } from "./texts.js";

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

export function size(bytes) {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  const digits = { maximumSignificantDigits: 3, style: "unit", unit: UNITS[power], unitDisplay: power ? "short" : "long" };
  return new Intl.NumberFormat(language(), digits).format(bytes / 1000 ** power);
}

// A day ("2026-11-24") without a time is that day everywhere.
export function day(text) {
  const options = { dateStyle: "medium", timeZone: "UTC" };
  return new Intl.DateTimeFormat(language(), options).format(new Date(`${text}T00:00:00Z`));
}

export function moment(text) {
  const options = { dateStyle: "medium", timeStyle: "short" };
  return new Intl.DateTimeFormat(language(), options).format(new Date(text));
}

export function minutes(seconds) {
  const whole = Math.max(1, Math.ceil(seconds / 60));
  return new Intl.NumberFormat(language(), { style: "unit", unit: "minute", unitDisplay: "long" }).format(whole);
}

export function percent(fraction) {
  return new Intl.NumberFormat(language(), { style: "percent" }).format(fraction);
}
