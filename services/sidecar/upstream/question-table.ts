/** Places in the table, as a factor of ids; far above what a sidecar may ask at once. The last is never taken. */
const placesMax = 2 ** 20;

/** After so many ids they begin again: below it they are whole in a double, and days of questions lie between two alike. */
const idsMax = 2 ** 32;

/**
 * The questions under way, found by their ids. Each takes a place that is free again when it is over; an id says its place,
 * and comes again only after {@link idsMax} others. A late answer finds nothing, whoever is in the place by then.
 *
 * Not a Map: V8 links each outgrown table of a Map to the next, and one such table among the old objects keeps all that
 * follow, with a third of the questions that ever were in them and all that hung on those, until the next collection of
 * old objects. Measured at 4,000 questions a second, that was a third of what each collection of young objects carried on.
 */
export class QuestionTable<Question extends { readonly id: number }> {
  readonly #places: (Question | undefined)[] = [];
  readonly #free: number[] = [];
  #ids = 0;

  get size(): number {
    return this.#places.length - this.#free.length;
  }

  /** Takes in what `make` makes for a new id. */
  open(make: (id: number) => Question): Question {
    const place = this.#free.pop() ?? this.#places.push(undefined) - 1;
    const question = make(this.#idAt(place));
    this.#places[place] = question;
    return question;
  }

  /** An id that is no question's. */
  spareId(): number {
    return this.#idAt(placesMax - 1);
  }

  find(id: number): Question | undefined {
    const question = this.#places[id % placesMax];
    return question?.id === id ? question : undefined;
  }

  /** Lets go of a question; one that is not here changes nothing. */
  close(id: number): void {
    if (this.find(id) === undefined) return;
    this.#places[id % placesMax] = undefined;
    this.#free.push(id % placesMax);
  }

  /** Those under way now, in no order. */
  list(): Question[] {
    return this.#places.filter((question) => question !== undefined);
  }

  #idAt(place: number): number {
    this.#ids = (this.#ids % idsMax) + 1;
    return this.#ids * placesMax + place;
  }
}
