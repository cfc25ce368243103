/* The kernel in WebAssembly and a network's memory -> scores, goodness and learning steps. */
function bytesOf(base64) {
    return Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
}

/* Weights as float32, from float32 or from float16, which not every browser can read. */
function weightsOf(bytes, half) {
    if (!half) return new Float32Array(bytes.buffer);
    return Float32Array.from(new Uint16Array(bytes.buffer), bits => {
        const sign = bits >> 15 ? -1 : 1, exponent = bits >> 10 & 31, fraction = bits & 1023;
        if (!exponent) return sign * fraction * 2 ** -24;
        return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
    });
}

class Network {
    /* about: the addresses and sizes that Python laid out; kernel, head, weights: base64. */
    static async load(about, kernel, head, weights) {
        const made = await WebAssembly.instantiate(bytesOf(kernel), {Math});
        const network = new Network();
        network.about = about;
        network.code = made.instance.exports;
        const memory = network.code.memory, stop = about.block + about.size;
        memory.grow(Math.max(0, Math.ceil((stop - memory.buffer.byteLength) / 65536)));
        const first = bytesOf(head);
        new Uint8Array(memory.buffer).set(first, about.block);
        new Float32Array(memory.buffer, about.block + first.length).set(weightsOf(bytesOf(weights), about.half));
        network.sample = new Float32Array(memory.buffer, about.sample, about.inputs);
        network.answer = new Float32Array(memory.buffer, about.answer, about.layers * about.classes);
        network.forget();
        return network;
    }

    /* Back to the weights that were exported. */
    forget() {
        this.code.ff_init();
        this.known = Array.from({length: this.about.classes}, (_, c) => c < this.about.classes - this.about.spare);
    }

    /* Call a function of the kernel on a sample. */
    run(name, x, ...more) {
        this.sample.set(x);
        const code = this.code[name](this.about.sample, ...more);
        if (code < 0) throw new Error(`${name} returned the code ${code}`);
        return code;
    }

    /* The score of every class [classes]. */
    scores(x) {
        this.run("ff_scores", x, this.about.answer);
        return Array.from(this.answer.subarray(0, this.about.classes));
    }

    /* The goodness of every class in each layer [layers][classes]. */
    goodness(x) {
        this.run("ff_goodness", x, this.about.answer);
        const {layers, classes} = this.about;
        return Array.from({length: layers}, (_, layer) =>
            Array.from(this.answer.subarray(layer * classes, (layer + 1) * classes)));
    }

    /* The label of a sample, among the classes that are known. */
    predict(x) { return this.run("ff_predict", x); }

    /* One step of every layer. */
    learn(x, label) {
        this.run("ff_learn", x, label);
        this.known[label] = true;
    }

    setRate(rate) { this.code.ff_set_rate(rate); }

    /* The weights and the biases of a layer at this moment. */
    weights(layer) {
        const at = this.about.answer, {buffer} = this.code.memory;
        this.code.ff_layer_weights(layer, at, at + 4, at + 8, at + 12);
        const [weights, weightBytes, biases, biasBytes] = new Uint32Array(buffer.slice(at, at + 16));
        return [[weights, weightBytes], [biases, biasBytes]].map(([from, size]) =>
            new Float32Array(buffer.slice(from, from + size)));
    }
}
