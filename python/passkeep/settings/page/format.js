// Dates, sizes and durations as people of this page's language write them.

import { language } from "./texts.js";

const DAY = 86_400_000; // milliseconds
const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

export function size(bytes) {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  const digits = { maximumSignificantDigits: 3, style: "unit", unit: UNITS[power], unitDisplay: power ? "short" : "long" };
  return new Intl.NumberFormat(language(), digits).format(bytes / 1000 ** power);
}

// A day ("2026-11-24") without a time is that day everywhere.
export function day(text) {
  const options = { dateStyle: "medium", timeZone: "UTC" };
  const date = new Date(`${text}T00:00:00Z`);
  // Whoever wrote a keyring file could have written anything into it.
  return Number.isNaN(date.getTime()) ? text : new Intl.DateTimeFormat(language(), options).format(date);
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

export function seconds(number) {
  return new Intl.NumberFormat(language(), { style: "unit", unit: "second", unitDisplay: "long" }).format(number);
}

export function list(words) {
  return new Intl.ListFormat(language()).format(words);
}

// "today", "3 days ago", "2 months ago": of a day, seen from another.
export function since(text, today) {
  const days = Math.round((Date.parse(text) - Date.parse(today)) / DAY);
  if (!Number.isFinite(days)) {
    return text;
  }
  const format = new Intl.RelativeTimeFormat(language(), { numeric: "auto" });
  if (Math.abs(days) < 31) {
    return format.format(days, "day");
  }
  return Math.abs(days) < 365
    ? format.format(Math.trunc(days / 30.44), "month")
    : format.format(Math.trunc(days / 365.25), "year");
}

// How long something took.
export function spent(time) {
  const [value, unit] = time < 60 ? [time, "second"] : [time / 60, "minute"];
  const options = { style: "unit", unit, unitDisplay: "short", maximumSignificantDigits: 2 };
  return new Intl.NumberFormat(language(), options).format(value);
}
