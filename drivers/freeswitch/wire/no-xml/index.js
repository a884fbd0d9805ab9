exports.Parser = class {
  constructor() {
    throw new Error("XML was not requested");
  }
};
