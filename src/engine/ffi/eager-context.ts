import type { CApi } from './c-api.js';
import type { Status } from './status.js';

/** A device that TensorFlow found, e.g. `{ name: '/job:localhost/replica:0/task:0/device:CPU:0', type: 'CPU' }`. */
export interface Device {
  readonly name: string;
  /** `CPU` or `GPU`. */
  readonly type: string;
  /** Memory that TensorFlow may use on the device, in bytes, where it tells. */
  readonly memoryBytes?: number;
}

/** The one eager context: variables, functions and every op live in it until the process ends. */
export interface EagerContext {
  readonly address: number;
  readonly devices: readonly Device[];
}

const WHERE = 'starting TensorFlow';

/** @param config - a serialised ConfigProto; empty for TensorFlow's defaults */
export function createEagerContext(api: CApi, status: Status, config: Uint8Array): EagerContext {
  const options = api.TFE_NewContextOptions();
  try {
    if (config.length > 0) {
      api.TFE_ContextOptionsSetConfig(options, config, config.length, status.address);
      status.check(WHERE, 'engine-options');
    }
    const address = api.TFE_NewContext(options, status.address);
    status.check(WHERE, 'engine-start', 'set ADJOINT_VERBOSE=1 to see what TensorFlow prints while it starts');
    return { address, devices: listDevices(api, status, address) };
  } finally {
    api.TFE_DeleteContextOptions(options);
  }
}

function listDevices(api: CApi, status: Status, context: number): Device[] {
  const list = api.TFE_ContextListDevices(context, status.address);
  status.check(WHERE, 'engine-start');
  const read = <T>(call: (list: number, index: number, status: number) => T, index: number): T => {
    const value = call(list, index, status.address);
    status.check(WHERE, 'engine-start');
    return value;
  };
  try {
    return Array.from({ length: api.TF_DeviceListCount(list) }, (_, i) => {
      const memoryBytes = read(api.TF_DeviceListMemoryBytes, i);
      return {
        name: read(api.TF_DeviceListName, i),
        type: read(api.TF_DeviceListType, i),
        ...(memoryBytes > 0 ? { memoryBytes } : {}),
      };
    });
  } finally {
    api.TF_DeleteDeviceList(list);
  }
}
