// Reads a sample from the serial port, {{ inputs }} values, and prints its label. A line that begins
// with "=" and a label teaches that label for the sample before it.
#include <ff_model.h>

static ff_input sample[FF_INPUTS];

void setup() {
  Serial.begin(115200);
  ff_init();
}

void loop() {
  while (isspace(Serial.peek())) Serial.read(); // the end of the line before
  if (!Serial.available()) return;
  if (Serial.peek() == '=') {
    Serial.read();
    int code = ff_learn(sample, (int)Serial.parseInt());
    Serial.println(code == FF_OK ? "learned" : "not learned");
    return;
  }
  for (uint32_t i = 0; i < FF_INPUTS; i++) sample[i] = (ff_input)Serial.{{ "parseInt" if pixels else "parseFloat" }}();
  int label = ff_predict(sample);
  Serial.println(label < 0 ? "this sample cannot be read" : ff_class_name(label));
}
