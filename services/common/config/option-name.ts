/** The flag of an option: `meshListen` → `--mesh-listen`. */
export function flagOf(key: string): string {
  return `--${kebab(key)}`;
}

/** The variable of an option: `meshListen` of the broker → `STINT_BROKER_MESH_LISTEN`. */
export function variableOf(service: string, key: string): string {
  return `${variablePrefixOf(service)}${kebab(key).replaceAll('-', '_').toUpperCase()}`;
}

/** What the name of every variable of a service begins with. */
export function variablePrefixOf(service: string): string {
  return `STINT_${service.toUpperCase().replaceAll('-', '_')}_`;
}

/** An option's key as a flag spells it, without the dashes. */
export function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
