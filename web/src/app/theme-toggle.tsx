import { IconButton } from '~/ui/button';
import type { IconName } from '~/ui/icons';
import { Menu, MenuChoice } from '~/ui/menu';
import { type Theme, useTheme } from './theme';

const icons: Record<Theme, IconName> = { auto: 'auto', light: 'sun', dark: 'moon' };

export function ThemeToggle() {
  const [theme, setTheme] = useTheme();
  return (
    <Menu trigger={<IconButton icon={icons[theme]} label="Theme" />}>
      <MenuChoice<Theme>
        label="Theme"
        value={theme}
        onChange={setTheme}
        options={[
          { value: 'auto', label: 'As the system' },
          { value: 'light', label: 'Light' },
          { value: 'dark', label: 'Dark' },
        ]}
      />
    </Menu>
  );
}
