import { HEIGHT, points, times, WIDTH, type Composition } from './types';

/** Tracks into a low sun, mesas on both sides. */
export const rails: Composition = (random, palette) => {
  const horizon = random.between(176, 196);
  const vanish = random.between(120, 180);
  const mesa = (left: number, width: number, height: number) =>
    points(
      [left, horizon],
      [left + width * 0.16, horizon - height],
      [left + width * 0.8, horizon - height],
      [left + width, horizon],
    );
  const rail = (side: number) =>
    points(
      [vanish + side, horizon],
      [vanish + side * 1.6, horizon],
      [WIDTH / 2 + side * 128, HEIGHT],
      [WIDTH / 2 + side * 112, HEIGHT],
    );
  return (
    <>
      {[112, 88, 64].map((radius, index) => (
        <circle
          key={radius}
          cx={vanish}
          cy={horizon}
          r={radius}
          fill={palette.glow}
          opacity={[0.25, 0.45, 1][index]}
        />
      ))}
      {times(4, (index) => (
        <rect
          key={index}
          x={0}
          y={horizon - 14 - index * 15}
          width={WIDTH}
          height={4 - index * 0.7}
          fill={palette.ground}
        />
      ))}
      <polygon points={mesa(-30, random.between(90, 130), random.between(46, 84))} fill={palette.mid} />
      <polygon points={mesa(random.between(200, 226), 140, random.between(34, 96))} fill={palette.mid} />
      <rect y={horizon} width={WIDTH} height={HEIGHT - horizon} fill={palette.deep} />
      {times(9, (index) => {
        const near = ((index + 1) / 9) ** 2.2;
        const y = horizon + near * (HEIGHT - horizon);
        const x = vanish + (WIDTH / 2 - vanish) * near;
        const half = 4 + near * 142;
        return (
          <rect key={index} x={x - half} y={y} width={half * 2} height={1 + near * 9} fill={palette.mid} />
        );
      })}
      <polygon points={rail(-1)} fill={palette.glow} />
      <polygon points={rail(1)} fill={palette.glow} />
    </>
  );
};
