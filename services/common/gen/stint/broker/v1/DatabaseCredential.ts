// Original file: stint/broker/v1/access_service.proto


export interface DatabaseCredential {
  'engine'?: (string);
  'host'?: (string);
  'port'?: (number);
  'database'?: (string);
  'username'?: (string);
  'password'?: (string);
  'sslmode'?: (string);
}

export interface DatabaseCredential__Output {
  'engine': (string);
  'host': (string);
  'port': (number);
  'database': (string);
  'username': (string);
  'password': (string);
  'sslmode': (string);
}
