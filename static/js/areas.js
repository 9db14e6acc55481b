// On a narrow screen the areas scroll sideways: the one that is open comes into view.
export default function areas(nav) {
  const here = nav.querySelector("[aria-current]")?.getBoundingClientRect();
  if (!here) return;
  const box = nav.getBoundingClientRect();
  nav.scrollLeft += here.left + here.width / 2 - (box.left + box.width / 2);
}
